-- Finds the claims that were withdrawn, whose messages name the visitors all the same. Operators withdraw links by hand,
-- so they are few.
-- $1 workspace.
SELECT
    m.connection_id, m.message_id, m.occurred_at, m.received_at, m.sender_id AS user_id,
    m.body ->> 'anonymousId' AS anonymous_value
FROM variance_data.withdrawals x
JOIN variance_data.messages m
    ON m.workspace_id = x.workspace_id AND m.connection_id = x.connection_id AND m.message_id = x.message_id
        AND variance_data.message_digest(m.connection_id, m.message_id)
            = variance_data.message_digest(x.connection_id, x.message_id)
WHERE x.workspace_id = $1 AND x.is_claim
