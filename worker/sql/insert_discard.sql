-- Keeps that a dead letter was thrown away.
-- $1 connection, $2 messageId, $3 reason, $4 when.
INSERT INTO variance_data.discards AS k (workspace_id, connection_id, message_id, reason, discarded_at)
VALUES (coalesce((SELECT n.workspace_id FROM variance_data.connections n WHERE n.id = $1), 0), $1, $2, $3, $4)
ON CONFLICT (workspace_id, connection_id, message_id) DO UPDATE SET
    reason = excluded.reason,
    discarded_at = excluded.discarded_at
