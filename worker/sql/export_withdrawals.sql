-- Reads which messages' links were withdrawn.
-- $1 workspace.
SELECT n.name AS connection, x.message_id
FROM variance_data.withdrawals x
JOIN variance_data.connections n ON n.id = x.connection_id
WHERE x.workspace_id = $1
ORDER BY n.name, x.message_id
