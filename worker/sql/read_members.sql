-- Reads the identities of contacts.
-- $1 workspace, $2 contacts.
SELECT
    i.id, i.value, i.is_user, i.is_anonymous, i.contact_id, i.first_seen, i.last_seen_at, i.traits,
    i.account_evidence
FROM variance_data.identities i
WHERE i.workspace_id = $1 AND i.contact_id = ANY($2::uuid[])
