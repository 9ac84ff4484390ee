-- Forgets sessions that have ended.
-- $1 now.
DELETE FROM variance_data.console_sessions s WHERE s.expires_at <= $1
