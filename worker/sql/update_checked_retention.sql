-- Remembers that a workspace was gone through, unless it keeps its events for less time by now.
-- $1 workspace, $2 when, $3 for how many seconds it kept them.
UPDATE variance_data.retention r SET checked_at = $2
WHERE r.workspace_id = $1 AND r.kept_seconds >= $3
RETURNING true
