-- Reads the last dead letters behind a number.
-- $1 behind which number, $2 connections or null, $3 messageId or null, $4 at most how many.
SELECT d.id, d.connection_id, coalesce(n.name, d.connection_id) AS connection, d.message_id, d.reason, d.received_at
FROM variance_data.dead_letters d
LEFT JOIN variance_data.connections n ON n.id = d.connection_id
WHERE d.id > $1 AND ($2::text[] IS NULL OR d.connection_id = ANY($2)) AND ($3::text IS NULL OR d.message_id = $3)
ORDER BY d.id DESC
LIMIT $4
