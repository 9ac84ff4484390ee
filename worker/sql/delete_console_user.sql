-- Removes somebody who could sign in, with their sessions and links.
-- $1 name.
DELETE FROM variance_data.console_users u WHERE u.name = $1 RETURNING u.id
