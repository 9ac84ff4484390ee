-- Lists dead letters, the newest first.
-- $1 reason, $2 connection's name, $3 messageId, $4 died since, $5 died before, $6 at most how many; null for any.
-- $7 whether with their bodies.
SELECT
    d.id, w.name AS workspace, n.name AS connection, d.message_id, d.reason, d.detail, d.received_at, d.died_at,
    CASE WHEN $7 THEN d.body END AS body
FROM variance_data.dead_letters d
LEFT JOIN variance_data.workspaces w ON w.id = d.workspace_id
LEFT JOIN variance_data.connections n ON n.id = d.connection_id
WHERE ($1::text IS NULL OR d.reason = $1) AND ($2::text IS NULL OR n.name = $2)
    AND ($3::text IS NULL OR d.message_id = $3)
    AND ($4::timestamptz IS NULL OR d.died_at >= $4) AND ($5::timestamptz IS NULL OR d.died_at < $5)
ORDER BY d.id DESC
LIMIT $6
