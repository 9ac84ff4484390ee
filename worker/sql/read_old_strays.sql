-- Reads what was sent before a moment by nobody known, the first first, reduced to what the fold reads of an event.
-- $1 workspace, $2 moment, $3 how many to pass over, $4 at most how many.
SELECT m.connection_id, m.message_id, m.type, m.occurred_at, m.received_at, jsonb_strip_nulls(jsonb_build_object(
        'type', 'trimmed', 'messageId', m.body -> 'messageId', 'userId', m.body -> 'userId',
        'anonymousId', m.body -> 'anonymousId', 'timestamp', m.body -> 'timestamp', 'receivedAt', m.body -> 'receivedAt',
        'context', jsonb_build_object(
            'groupId', m.body -> 'context' -> 'groupId',
            'active', CASE WHEN m.body -> 'context' -> 'active' = 'false' THEN false END
        )
    )) AS body
FROM variance_data.messages m
WHERE m.sender_id IS NULL AND m.workspace_id = $1 AND m.occurred_at < $2 AND m.type IN ('page', 'screen', 'track')
ORDER BY m.occurred_at, m.message_id, m.connection_id
OFFSET $3
LIMIT $4
