-- Finds which of these messages are suppressed.
-- $1 workspace, $2 connections, $3 messageIds.
SELECT s.connection_id, s.message_id
FROM unnest($2::text[], $3::text[]) AS n (connection_id, message_id)
JOIN variance_data.suppressions s
    ON s.workspace_id = $1 AND s.connection_id = n.connection_id AND s.message_id = n.message_id
