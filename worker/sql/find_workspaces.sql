-- Finds workspaces by their names.
-- $1 names.
SELECT w.id, w.name FROM variance_data.workspaces w WHERE w.name = ANY($1::text[])
