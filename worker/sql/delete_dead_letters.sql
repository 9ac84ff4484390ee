-- Removes dead letters.
-- $1 workspace, $2 connections, $3 messageIds.
DELETE FROM variance_data.dead_letters d
USING unnest($2::text[], $3::text[]) AS n (connection_id, message_id)
WHERE d.workspace_id = $1 AND d.connection_id = n.connection_id AND d.message_id = n.message_id
