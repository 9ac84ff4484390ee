-- Lists the dead letters of a reason, the newest first.
-- $1 reason, $2 before which number, or null, $3 at most how many.
SELECT d.id, coalesce(n.name, d.connection_id) AS connection, d.message_id, d.reason, d.detail, d.received_at, d.died_at
FROM variance_data.dead_letters d
LEFT JOIN variance_data.connections n ON n.id = d.connection_id
WHERE d.reason = $1 AND d.id < coalesce($2, 9223372036854775807)
ORDER BY d.id DESC
LIMIT $3
