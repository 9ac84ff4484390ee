-- Finds identities' contacts and roles, without locking.
-- $1 workspace, $2 identities.
SELECT i.id, i.contact_id, i.is_user, i.is_anonymous
FROM variance_data.identities i
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[])
