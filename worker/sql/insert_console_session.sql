-- Begins a session.
-- $1 token's SHA-256, $2 who, $3 when, $4 its end.
INSERT INTO variance_data.console_sessions (token_sha256, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)
