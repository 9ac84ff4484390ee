-- Ends all sessions of somebody.
-- $1 who.
DELETE FROM variance_data.console_sessions s WHERE s.user_id = $1
