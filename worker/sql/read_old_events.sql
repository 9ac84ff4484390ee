-- Reads what identities sent before a moment, the first first, reduced to what the fold reads of an event.
-- $1 workspace, $2 identities, $3 how many to pass over of each, $4 moment, $5 at most how many of each.
SELECT m.connection_id, m.message_id, m.type, m.occurred_at, m.received_at, jsonb_strip_nulls(jsonb_build_object(
        'type', 'trimmed', 'messageId', m.body -> 'messageId', 'userId', m.body -> 'userId',
        'anonymousId', m.body -> 'anonymousId', 'timestamp', m.body -> 'timestamp', 'receivedAt', m.body -> 'receivedAt',
        'context', jsonb_build_object(
            'groupId', m.body -> 'context' -> 'groupId',
            'active', CASE WHEN m.body -> 'context' -> 'active' = 'false' THEN false END
        )
    )) AS body
FROM unnest($2::uuid[], $3::integer[]) AS i (id, passed)
CROSS JOIN LATERAL (
    SELECT *
    FROM variance_data.messages l
    WHERE l.sender_id = i.id AND l.workspace_id = $1 AND l.occurred_at < $4 AND l.type IN ('page', 'screen', 'track')
    ORDER BY l.occurred_at, l.message_id, l.connection_id
    OFFSET i.passed
    LIMIT $5
) m
