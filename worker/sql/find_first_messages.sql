-- Tells which connections have a message in the log.
SELECT n.id, EXISTS (
    SELECT FROM variance_data.messages m WHERE m.workspace_id = n.workspace_id AND m.connection_id = n.id
) AS has_messages
FROM variance_data.connections n
