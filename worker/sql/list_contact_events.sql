-- Lists what identities sent, the last first.
-- $1 workspace, $2 identities, $3 and $4 time and messageId of the last one shown, or null, $5 at most how many.
SELECT m.connection_id, n.name AS connection, m.message_id, m.type, m.occurred_at, m.received_at,
    coalesce(
        m.body ->> 'event', m.body ->> 'name', m.body ->> 'groupId', m.body ->> 'previousId',
        m.body -> 'properties' ->> 'title', m.body -> 'properties' ->> 'path'
    ) AS label
FROM unnest($2::uuid[]) AS i (id)
CROSS JOIN LATERAL (
    SELECT * FROM variance_data.messages l
    WHERE l.workspace_id = $1 AND l.sender_id = i.id AND l.occurred_at <= coalesce($3::timestamptz, 'infinity')
        AND ($3 IS NULL OR (l.occurred_at, l.message_id) < ($3, $4))
    ORDER BY l.occurred_at DESC, l.message_id DESC
    LIMIT $5
) m
JOIN variance_data.connections n ON n.id = m.connection_id
ORDER BY m.occurred_at DESC, m.message_id DESC
LIMIT $5
