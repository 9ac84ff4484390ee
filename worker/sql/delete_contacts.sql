-- Removes contacts that have no members any more.
-- $1 workspace, $2 contacts.
DELETE FROM variance_data.contacts c
WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[])
