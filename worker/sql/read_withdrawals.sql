-- Reads which messages' links a workspace has withdrawn.
-- $1 workspace.
SELECT x.connection_id, x.message_id
FROM variance_data.withdrawals x
WHERE x.workspace_id = $1
