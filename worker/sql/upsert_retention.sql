-- Says how long a workspace keeps its events, null for good; it is gone through soon.
-- $1 workspace, $2 seconds.
INSERT INTO variance_data.retention AS r (workspace_id, kept_seconds)
VALUES ($1, $2)
ON CONFLICT (workspace_id) DO UPDATE SET kept_seconds = excluded.kept_seconds, checked_at = NULL
