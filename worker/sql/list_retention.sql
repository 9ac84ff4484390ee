-- Lists how long each workspace keeps its events.
SELECT w.id AS workspace_id, w.name AS workspace, r.kept_seconds, r.trimmed_until, r.checked_at
FROM variance_data.workspaces w
LEFT JOIN variance_data.retention r ON r.workspace_id = w.id
ORDER BY w.name
