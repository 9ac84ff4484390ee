-- Takes a dead letter away, and gives it.
-- $1 its id.
DELETE FROM variance_data.dead_letters d
WHERE d.id = $1
RETURNING d.workspace_id, d.connection_id, d.message_id, d.reason, d.detail, d.body, d.received_at
