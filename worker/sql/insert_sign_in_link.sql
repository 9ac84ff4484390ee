-- Makes a link by which somebody signs in once.
-- $1 token's SHA-256, $2 who, $3 until when it is good.
INSERT INTO variance_data.sign_in_links (token_sha256, user_id, expires_at) VALUES ($1, $2, $3)
