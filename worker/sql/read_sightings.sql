-- Reads when identities were seen, and the contact that each belongs to.
-- $1 workspace, $2 identities.
SELECT i.id, i.contact_id, i.first_seen, i.last_seen_at
FROM variance_data.identities i
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[])
