-- Makes the accounts that are not there yet, and tells which they were.
-- $1 workspace, then one array a column.
INSERT INTO variance_data.accounts AS a (
    workspace_id, id, source, key, is_own, traits, first_seen_at, last_seen_at
)
SELECT $1::bigint, n.*
FROM unnest(
    $2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::jsonb[], $7::timestamptz[], $8::timestamptz[]
) AS n
ON CONFLICT DO NOTHING
RETURNING a.id
