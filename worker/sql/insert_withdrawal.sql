-- Withdraws the link that a message made.
-- $1 workspace, $2 connection, $3 messageId, $4 whether it claims a visitor, $5 when.
INSERT INTO variance_data.withdrawals (workspace_id, connection_id, message_id, is_claim, withdrawn_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
