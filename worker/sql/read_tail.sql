-- Reads messages between two positions, the last first, with who sent them and to which contact that belongs now.
-- $1 behind which position, $2 up to which, $3 connections or null, $4 types or null, $5 senders or null,
-- $6 messageId or null (a message fits where its sender or its id does), $7 at most how many.
SELECT
    m.position, m.workspace_id, m.connection_id, n.name AS connection, m.message_id, m.type, m.occurred_at,
    m.received_at, coalesce(
        m.body ->> 'event', m.body ->> 'name', m.body ->> 'groupId', m.body ->> 'previousId',
        m.body -> 'properties' ->> 'title', m.body -> 'properties' ->> 'path'
    ) AS label,
    coalesce(m.body ->> 'userId', m.body ->> 'anonymousId') AS sender, i.contact_id, c.external_id, c.email
FROM (
    SELECT * FROM variance_data.messages l
    WHERE l.position > $1 AND l.position <= $2
        AND ($3::text[] IS NULL OR l.connection_id = ANY($3))
        AND ($4::text[] IS NULL OR l.type = ANY($4))
        AND ($5::uuid[] IS NULL OR l.sender_id = ANY($5) OR l.message_id = $6)
    ORDER BY l.position DESC
    LIMIT $7
) m
JOIN variance_data.connections n ON n.id = m.connection_id
LEFT JOIN variance_data.identities i ON i.workspace_id = m.workspace_id AND i.id = m.sender_id
LEFT JOIN variance_data.contacts c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id
ORDER BY m.position DESC
