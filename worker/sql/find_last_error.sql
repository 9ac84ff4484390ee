-- Finds the last dead letter of a connection.
-- $1 connection.
SELECT d.id, d.connection_id, d.reason, d.detail, d.died_at
FROM variance_data.dead_letters d
WHERE d.connection_id = $1
ORDER BY d.id DESC
LIMIT 1
