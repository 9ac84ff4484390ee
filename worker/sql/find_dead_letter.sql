-- Finds the id of a message's dead letter.
-- $1 connection, $2 messageId.
SELECT d.id
FROM variance_data.dead_letters d
WHERE d.workspace_id = coalesce((SELECT n.workspace_id FROM variance_data.connections n WHERE n.id = $1), 0)
    AND d.connection_id = $1 AND d.message_id = $2
