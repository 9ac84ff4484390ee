-- Reads the dead letters of a workspace that were received until a moment.
-- $1 workspace, $2 moment.
SELECT d.connection_id, d.message_id, d.body
FROM variance_data.dead_letters d
WHERE d.workspace_id = $1 AND d.received_at <= $2
