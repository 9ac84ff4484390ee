-- Remembers that a workspace was gone through.
-- $1 workspace, $2 when.
UPDATE variance_data.retention SET checked_at = $2 WHERE workspace_id = $1
