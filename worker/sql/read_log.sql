-- Reads the message log behind a position.
-- $1 workspace, or null for all, $2 position.
SELECT
    m.workspace_id, m.connection_id, m.message_id, m.type, m.occurred_at, m.received_at, m.sender_id, m.account_id,
    m.body
FROM variance_data.messages m
WHERE ($1::bigint IS NULL OR m.workspace_id = $1) AND m.position > $2
