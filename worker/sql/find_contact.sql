-- Finds the contact that an id belongs to now, also an id from before a merge.
-- $1 workspace, $2 id.
SELECT w.name AS workspace, c.id, c.external_id
FROM variance_data.identities i
JOIN variance_data.workspaces w ON w.id = i.workspace_id
JOIN variance_data.contacts c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id
WHERE i.workspace_id = $1 AND i.id = $2
