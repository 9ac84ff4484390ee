-- Writes down which events may be trimmed from now on.
-- $1 workspace, $2 until when.
INSERT INTO variance_data.retention AS r (workspace_id, trimmed_until)
VALUES ($1, $2)
ON CONFLICT (workspace_id) DO UPDATE SET trimmed_until = greatest(r.trimmed_until, excluded.trimmed_until)
