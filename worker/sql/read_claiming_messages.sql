-- Reads the messages in which a user appeared together with an anonymous visitor, but for withdrawn links.
-- $1 workspace, $2 user, $3 the visitor's anonymousId.
SELECT m.connection_id, m.message_id, m.type, m.occurred_at, m.received_at, m.body
FROM variance_data.messages m
WHERE m.workspace_id = $1 AND m.sender_id = $2 AND m.body ->> 'anonymousId' = $3 AND NOT EXISTS (
    SELECT FROM variance_data.withdrawals x
    WHERE x.workspace_id = m.workspace_id AND x.connection_id = m.connection_id AND x.message_id = m.message_id
)
