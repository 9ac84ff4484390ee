-- Makes the identities that are not there yet, each a contact of its own, and tells which they were.
-- $1 workspace, then one array a column.
INSERT INTO variance_data.identities AS i (
    workspace_id, id, value, is_user, is_anonymous, contact_id, first_seen, last_seen_at, traits, account_evidence,
    is_quarantined
)
SELECT
    $1::bigint, n.id, n.value, n.is_user, n.is_anonymous, n.id, n.first_seen, n.last_seen_at, n.traits,
    n.account_evidence, false
FROM unnest(
    $2::uuid[], $3::text[], $4::boolean[], $5::boolean[], $6::jsonb[], $7::timestamptz[], $8::jsonb[], $9::jsonb[]
) AS n (id, value, is_user, is_anonymous, first_seen, last_seen_at, traits, account_evidence)
ON CONFLICT DO NOTHING
RETURNING i.id
