-- Finds which connections have a message in the log.
-- $1 messageId, $2 connection's name, or null for all.
SELECT n.id AS connection_id, n.name AS connection, n.workspace_id, w.name AS workspace
FROM variance_data.connections n
JOIN variance_data.workspaces w ON w.id = n.workspace_id
WHERE ($2::text IS NULL OR n.name = $2) AND EXISTS (
    SELECT FROM variance_data.messages m
    WHERE m.workspace_id = n.workspace_id AND m.connection_id = n.id AND m.message_id = $1
        AND variance_data.message_digest(m.connection_id, m.message_id) = variance_data.message_digest(n.id, $1)
)
