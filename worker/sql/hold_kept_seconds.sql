-- Reads for how long a workspace keeps its events, and lets nobody change it before the transaction ends.
-- $1 workspace.
SELECT r.kept_seconds FROM variance_data.retention r WHERE r.workspace_id = $1 FOR SHARE
