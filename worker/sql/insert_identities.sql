-- Makes the identities that are not there yet, and tells which they were.
-- $1 workspace, $2 rows.
INSERT INTO variance_data.identities AS i (
    workspace_id, id, value, is_user, is_anonymous, contact_id, first_seen, last_seen_at, traits, account_evidence,
    is_quarantined
)
SELECT
    $1::bigint, n.id, n.value, n.is_user, n.is_anonymous, n.contact_id, n.first_seen, n.last_seen_at, n.traits,
    n.account_evidence, false
FROM jsonb_to_recordset($2::jsonb) AS n (
    id uuid, value text, is_user boolean, is_anonymous boolean, contact_id uuid, first_seen jsonb,
    last_seen_at timestamptz, traits jsonb, account_evidence jsonb
)
ON CONFLICT DO NOTHING
RETURNING i.id
