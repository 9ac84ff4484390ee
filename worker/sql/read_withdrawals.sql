-- Reads which messages' links were withdrawn.
-- $1 workspace, or null for all.
SELECT x.workspace_id, x.connection_id, x.message_id
FROM variance_data.withdrawals x
WHERE $1::bigint IS NULL OR x.workspace_id = $1
