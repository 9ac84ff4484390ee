-- Lists which workspaces keep their events for a time, and were not gone through since a moment.
-- $1 moment.
SELECT r.workspace_id
FROM variance_data.retention r
WHERE r.kept_seconds IS NOT NULL AND (r.checked_at IS NULL OR r.checked_at < $1)
ORDER BY r.workspace_id
