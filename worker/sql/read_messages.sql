-- Reads from the message log what identities sent, and the messages with these keys.
-- $1 workspace, $2 senders, $3 connections, $4 messageIds.
SELECT m.connection_id, m.message_id, m.type, m.occurred_at, m.received_at, m.body
FROM variance_data.messages m
WHERE m.workspace_id = $1 AND m.type <> 'delete' AND m.sender_id = ANY($2::uuid[])
UNION ALL
SELECT m.connection_id, m.message_id, m.type, m.occurred_at, m.received_at, m.body
FROM unnest($3::text[], $4::text[]) AS n (connection_id, message_id)
JOIN variance_data.messages m
    ON m.workspace_id = $1 AND m.connection_id = n.connection_id AND m.message_id = n.message_id
        AND variance_data.message_digest(m.connection_id, m.message_id)
            = variance_data.message_digest(n.connection_id, n.message_id)
WHERE m.type <> 'delete' AND (m.sender_id IS NULL OR m.sender_id <> ALL($2::uuid[]))
