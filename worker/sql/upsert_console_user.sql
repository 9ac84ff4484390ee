-- Makes somebody who may sign in, or gives them another password.
-- $1 name, $2 password's hash, $3 when.
INSERT INTO variance_data.console_users AS u (name, password_hash, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash
RETURNING u.id
