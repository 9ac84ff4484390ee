-- Makes somebody who may sign in by links, unless they are there.
-- $1 name, $2 when.
INSERT INTO variance_data.console_users AS u (name, created_at)
VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET name = u.name
RETURNING u.id
