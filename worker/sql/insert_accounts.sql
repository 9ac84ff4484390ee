-- Makes the accounts that are not there yet, and tells which they were.
-- $1 workspace, $2 rows.
INSERT INTO variance_data.accounts AS a (
    workspace_id, id, source, key, is_own, traits, first_seen_at, last_seen_at, is_heard
)
SELECT $1::bigint, n.*
FROM jsonb_to_recordset($2::jsonb) AS n (
    id uuid, source text, key text, is_own boolean, traits jsonb, first_seen_at timestamptz, last_seen_at timestamptz,
    is_heard boolean
)
ON CONFLICT DO NOTHING
RETURNING a.id
