-- Finds the last dead letter of each connection.
SELECT d.id, d.connection_id, d.reason, d.detail, d.died_at
FROM variance_data.connections n
CROSS JOIN LATERAL (
    SELECT d.id, d.connection_id, d.reason, d.detail, d.died_at
    FROM variance_data.dead_letters d
    WHERE d.connection_id = n.id
    ORDER BY d.id DESC
    LIMIT 1
) d
