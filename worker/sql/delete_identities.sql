-- Removes identities.
-- $1 workspace, $2 identities.
DELETE FROM variance_data.identities i
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[])
