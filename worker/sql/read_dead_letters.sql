-- Reads the dead letters of a workspace that were received until a moment, in the order of their keys.
-- $1 workspace, $2 moment, $3 and $4 the connection and messageId behind which to go on, $5 at most how many.
SELECT d.connection_id, d.message_id, d.body
FROM variance_data.dead_letters d
WHERE d.workspace_id = $1 AND d.received_at <= $2 AND (d.connection_id, d.message_id) > ($3, $4)
ORDER BY d.connection_id, d.message_id
LIMIT $5
