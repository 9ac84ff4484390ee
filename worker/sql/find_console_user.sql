-- Finds somebody who may sign in.
-- $1 name.
SELECT u.id, u.name, u.password_hash FROM variance_data.console_users u WHERE u.name = $1
