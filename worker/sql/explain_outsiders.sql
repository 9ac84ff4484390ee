-- Reads identities with the contacts that they belong to.
-- $1 workspace, $2 identities.
SELECT i.id, i.value, i.is_user, i.is_quarantined, i.contact_id, c.external_id
FROM variance_data.identities i
JOIN variance_data.contacts c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[])
