-- Finds some message of a connection, and the contact that its sender belongs to.
-- $1 workspace, $2 connection.
SELECT m.message_id, m.type, m.received_at, i.contact_id
FROM variance_data.messages m
LEFT JOIN variance_data.identities i ON i.workspace_id = m.workspace_id AND i.id = m.sender_id
WHERE m.workspace_id = $1 AND m.connection_id = $2
LIMIT 1
