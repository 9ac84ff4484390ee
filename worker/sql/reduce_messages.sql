-- Leaves of events what is needed to fold the log again.
-- $1 workspace, $2 connections, $3 messageIds, $4 bodies.
UPDATE variance_data.messages m
SET type = 'trimmed', body = n.body
FROM unnest($2::text[], $3::text[], $4::jsonb[]) AS n (connection_id, message_id, body)
WHERE m.workspace_id = $1 AND m.connection_id = n.connection_id AND m.message_id = n.message_id
    AND variance_data.message_digest(m.connection_id, m.message_id)
        = variance_data.message_digest(n.connection_id, n.message_id)
