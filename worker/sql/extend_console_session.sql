-- Moves a session's end.
-- $1 token's SHA-256, $2 its end.
UPDATE variance_data.console_sessions s SET expires_at = $2 WHERE s.token_sha256 = $1
