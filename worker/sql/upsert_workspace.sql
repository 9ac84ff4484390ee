-- Makes a workspace where it is missing, and gives its id.
-- $1 name, $2 when.
INSERT INTO variance_data.workspaces AS w (name, created_at)
VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING w.id
