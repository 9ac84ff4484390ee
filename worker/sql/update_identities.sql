-- Writes identities that changed, and the contacts that they belong to.
-- $1 workspace, then one array a column.
UPDATE variance_data.identities i
SET
    is_user = n.is_user,
    is_anonymous = n.is_anonymous,
    contact_id = n.contact_id,
    first_seen = n.first_seen,
    last_seen_at = n.last_seen_at,
    traits = n.traits,
    account_evidence = n.account_evidence
FROM unnest(
    $2::uuid[], $3::boolean[], $4::boolean[], $5::uuid[], $6::jsonb[], $7::timestamptz[], $8::jsonb[], $9::jsonb[]
) AS n (id, is_user, is_anonymous, contact_id, first_seen, last_seen_at, traits, account_evidence)
WHERE i.workspace_id = $1 AND i.id = n.id
