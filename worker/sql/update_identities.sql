-- Writes identities that changed, and the contacts that they belong to. The conflict that each row is makes Postgres
-- look it up by its key, where a join of a young table, without statistics, would read all of the workspace.
-- $1 workspace, $2 rows.
INSERT INTO variance_data.identities AS i (
    workspace_id, id, value, is_user, is_anonymous, contact_id, first_seen, last_seen_at, traits, account_evidence,
    is_quarantined
)
SELECT $1::bigint, n.*, false
FROM jsonb_to_recordset($2::jsonb) AS n (
    id uuid, value text, is_user boolean, is_anonymous boolean, contact_id uuid, first_seen jsonb,
    last_seen_at timestamptz, traits jsonb, account_evidence jsonb
)
ON CONFLICT (workspace_id, id) DO UPDATE SET
    is_user = excluded.is_user,
    is_anonymous = excluded.is_anonymous,
    contact_id = excluded.contact_id,
    first_seen = excluded.first_seen,
    last_seen_at = excluded.last_seen_at,
    traits = excluded.traits,
    account_evidence = excluded.account_evidence
