-- Keeps the earliest claim of each visitor and user; gives the pairs whose claim is new or earlier now.
-- $1 workspace, then one array a column.
INSERT INTO variance_data.claims AS l (
    workspace_id, anonymous_id, user_id, occurred_at, message_id, connection_id
)
SELECT $1::bigint, n.*
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[]) AS n
ON CONFLICT (workspace_id, anonymous_id, user_id) DO UPDATE SET
    occurred_at = excluded.occurred_at,
    message_id = excluded.message_id,
    connection_id = excluded.connection_id
WHERE (excluded.occurred_at, excluded.message_id, excluded.connection_id)
    < (l.occurred_at, l.message_id, l.connection_id)
RETURNING l.anonymous_id, l.user_id
