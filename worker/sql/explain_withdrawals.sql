-- Reads which messages that name one of these ids had their link withdrawn. Operators do that by hand, so they are few.
-- $1 workspace, $2 ids as they were sent.
SELECT
    m.connection_id, m.message_id, m.occurred_at, m.received_at, d.withdrawn_at,
    m.body ->> 'anonymousId' AS anonymous_value, m.body ->> 'userId' AS user_value
FROM variance_data.withdrawals d
JOIN variance_data.messages m
    ON m.workspace_id = d.workspace_id AND m.connection_id = d.connection_id AND m.message_id = d.message_id
        AND variance_data.message_digest(m.connection_id, m.message_id)
            = variance_data.message_digest(d.connection_id, d.message_id)
WHERE d.workspace_id = $1 AND ARRAY[m.body ->> 'anonymousId', m.body ->> 'userId', m.body ->> 'previousId'] && $2::text[]
