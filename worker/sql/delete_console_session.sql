-- Ends a session.
-- $1 token's SHA-256.
DELETE FROM variance_data.console_sessions s WHERE s.token_sha256 = $1
