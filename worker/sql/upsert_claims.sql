-- Keeps the earliest claim of each visitor and user; gives the pairs whose claim is new or earlier now.
-- $1 workspace, $2 rows.
INSERT INTO variance_data.claims AS l (
    workspace_id, anonymous_id, user_id, occurred_at, message_id, connection_id
)
SELECT $1::bigint, n.*
FROM jsonb_to_recordset($2::jsonb) AS n (
    anonymous_id uuid, user_id uuid, occurred_at timestamptz, message_id text, connection_id text
)
ON CONFLICT (workspace_id, anonymous_id, user_id) DO UPDATE SET
    occurred_at = excluded.occurred_at,
    message_id = excluded.message_id,
    connection_id = excluded.connection_id
WHERE (excluded.occurred_at, excluded.message_id, excluded.connection_id)
    < (l.occurred_at, l.message_id, l.connection_id)
RETURNING l.anonymous_id, l.user_id
