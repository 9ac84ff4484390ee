-- Finds a workspace by its name.
-- $1 name.
SELECT w.id FROM variance_data.workspaces w WHERE w.name = $1
