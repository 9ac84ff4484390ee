-- Writes down a change.
-- $1 when, $2 who, $3 what, $4 to what, $5 details.
INSERT INTO variance_data.audit_log (changed_at, user_name, action, subject, detail) VALUES ($1, $2, $3, $4, $5)
