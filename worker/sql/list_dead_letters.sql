-- Lists dead letters, the newest first.
-- $1 reason or null, $2 connection's name or null, $3 at most how many; null for all.
SELECT
    d.id, w.name AS workspace, n.name AS connection, d.message_id, d.reason, d.detail, d.received_at, d.died_at
FROM variance_data.dead_letters d
LEFT JOIN variance_data.workspaces w ON w.id = d.workspace_id
LEFT JOIN variance_data.connections n ON n.id = d.connection_id
WHERE ($1::text IS NULL OR d.reason = $1) AND ($2::text IS NULL OR n.name = $2)
ORDER BY d.id DESC
LIMIT $3
