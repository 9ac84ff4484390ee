-- Uses a link up, and tells whom it signs in.
-- $1 token's SHA-256, $2 now.
DELETE FROM variance_data.sign_in_links l
USING variance_data.console_users u
WHERE l.token_sha256 = $1 AND l.expires_at > $2 AND u.id = l.user_id
RETURNING u.id, u.name
