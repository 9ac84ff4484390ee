-- Remembers suppressed messages by their keys alone, and tells which were new.
-- $1 workspace, $2 connections, $3 messageIds, $4 when, $5 why.
INSERT INTO variance_data.suppressions AS s (workspace_id, connection_id, message_id, suppressed_at, reason)
SELECT $1::bigint, n.connection_id, n.message_id, $4::timestamptz, $5
FROM unnest($2::text[], $3::text[]) AS n (connection_id, message_id)
ON CONFLICT DO NOTHING
RETURNING s.connection_id, s.message_id
