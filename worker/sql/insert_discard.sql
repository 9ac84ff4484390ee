-- Keeps that a dead letter was thrown away.
-- $1 workspace, $2 connection, $3 messageId, $4 reason, $5 when.
INSERT INTO variance_data.discards AS k (workspace_id, connection_id, message_id, reason, discarded_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace_id, connection_id, message_id) DO UPDATE SET
    reason = excluded.reason,
    discarded_at = excluded.discarded_at
