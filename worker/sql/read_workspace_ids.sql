-- Reads the ids of the workspaces of a name, or of all where it is null.
-- $1 name.
SELECT w.id FROM variance_data.workspaces w WHERE $1::text IS NULL OR w.name = $1
