-- Lists the workspaces, and whether anybody is in them.
SELECT w.id, w.name, EXISTS (SELECT FROM variance_data.contacts c WHERE c.workspace_id = w.id) AS has_contacts
FROM variance_data.workspaces w
ORDER BY w.id
