-- Gives back the link that a message made.
-- $1 workspace, $2 connection, $3 messageId.
DELETE FROM variance_data.withdrawals x WHERE x.workspace_id = $1 AND x.connection_id = $2 AND x.message_id = $3
