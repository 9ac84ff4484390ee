-- Finds whose session a token opens.
-- $1 token's SHA-256, $2 now.
SELECT s.user_id, u.name, s.expires_at
FROM variance_data.console_sessions s
JOIN variance_data.console_users u ON u.id = s.user_id
WHERE s.token_sha256 = $1 AND s.expires_at > $2
