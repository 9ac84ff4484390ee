-- Reads all connections, to publish them to the edge.
SELECT
    n.id, n.workspace_id, n.name, n.is_enabled, n.secret_sha256, n.previous_secret_sha256,
    n.previous_secret_expires_at
FROM variance_data.connections n
ORDER BY n.id
