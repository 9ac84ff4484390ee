-- Lists changes, the newest first.
-- $1 before which number, or null, $2 at most how many.
SELECT a.id, a.changed_at, a.user_name, a.action, a.subject, a.detail
FROM variance_data.audit_log a
WHERE a.id < coalesce($1, 9223372036854775807)
ORDER BY a.id DESC
LIMIT $2
