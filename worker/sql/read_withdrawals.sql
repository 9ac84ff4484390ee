-- Reads which messages' links were withdrawn.
SELECT x.workspace_id, x.connection_id, x.message_id FROM variance_data.withdrawals x
