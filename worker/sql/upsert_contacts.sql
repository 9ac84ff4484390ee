-- Writes contacts that are new or changed.
-- $1 workspace, $2 rows.
INSERT INTO variance_data.contacts AS c (
    workspace_id, id, external_id, email, traits, account_id, first_seen_at, last_seen_at
)
SELECT $1::bigint, n.*
FROM jsonb_to_recordset($2::jsonb) AS n (
    id uuid, external_id text, email text, traits jsonb, account_id uuid, first_seen_at timestamptz,
    last_seen_at timestamptz
)
ON CONFLICT (workspace_id, id) DO UPDATE SET
    external_id = excluded.external_id,
    email = excluded.email,
    traits = excluded.traits,
    account_id = excluded.account_id,
    first_seen_at = excluded.first_seen_at,
    last_seen_at = excluded.last_seen_at
