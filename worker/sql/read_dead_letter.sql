-- Reads one dead letter.
-- $1 its id.
SELECT
    d.id, w.name AS workspace, n.name AS connection, d.message_id, d.reason, d.detail, d.received_at, d.died_at, d.body
FROM variance_data.dead_letters d
LEFT JOIN variance_data.workspaces w ON w.id = d.workspace_id
LEFT JOIN variance_data.connections n ON n.id = d.connection_id
WHERE d.id = $1
