-- Finds whom a link signs in, without using it up.
-- $1 token's SHA-256, $2 now.
SELECT u.name
FROM variance_data.sign_in_links l
JOIN variance_data.console_users u ON u.id = l.user_id
WHERE l.token_sha256 = $1 AND l.expires_at > $2
