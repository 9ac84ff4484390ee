-- Lists the workspaces.
SELECT w.id, w.name FROM variance_data.workspaces w ORDER BY w.id
