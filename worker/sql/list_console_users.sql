-- Lists who may sign in.
SELECT u.name, u.password_hash IS NOT NULL AS has_password, u.created_at
FROM variance_data.console_users u
ORDER BY u.name
