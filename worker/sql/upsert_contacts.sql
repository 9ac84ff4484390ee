-- Writes contacts that are new or changed.
-- $1 workspace, then one array a column.
INSERT INTO variance_data.contacts AS c (
    workspace_id, id, external_id, email, traits, account_id, first_seen_at, last_seen_at
)
SELECT $1::bigint, n.*
FROM unnest(
    $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::uuid[], $7::timestamptz[], $8::timestamptz[]
) AS n
ON CONFLICT (workspace_id, id) DO UPDATE SET
    external_id = excluded.external_id,
    email = excluded.email,
    traits = excluded.traits,
    account_id = excluded.account_id,
    first_seen_at = excluded.first_seen_at,
    last_seen_at = excluded.last_seen_at
