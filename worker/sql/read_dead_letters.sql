-- Reads the dead letters of a workspace, in the order of their keys.
-- $1 workspace, $2 and $3 the connection and messageId behind which to go on, $4 at most how many.
SELECT d.connection_id, d.message_id, d.body, d.received_at
FROM variance_data.dead_letters d
WHERE d.workspace_id = $1 AND (d.connection_id, d.message_id) > ($2, $3)
ORDER BY d.connection_id, d.message_id
LIMIT $4
