-- Reads which messages' links were withdrawn, in all workspaces.
SELECT x.workspace_id, x.connection_id, x.message_id
FROM variance_data.withdrawals x
