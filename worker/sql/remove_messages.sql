-- Removes messages from the log.
-- $1 workspace, $2 connections, $3 messageIds.
DELETE FROM variance_data.messages m
USING unnest($2::text[], $3::text[]) AS n (connection_id, message_id)
WHERE m.workspace_id = $1 AND m.connection_id = n.connection_id AND m.message_id = n.message_id
    AND variance_data.message_digest(m.connection_id, m.message_id)
        = variance_data.message_digest(n.connection_id, n.message_id)
