-- Counts the messages of the log.
-- $1 workspace, or null for all.
SELECT count(*) FROM variance_data.messages m WHERE $1::bigint IS NULL OR m.workspace_id = $1
