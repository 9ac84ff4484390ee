-- Reads what identities sent, and the messages with an id, in each connection of a workspace; the last first.
-- $1 workspace, $2 identities, $3 messageId, $4 connections or null, $5 types or null, $6 at most how many.
WITH found AS (
    SELECT s.*
    FROM unnest($2::uuid[]) AS i (id)
    CROSS JOIN LATERAL (
        SELECT * FROM variance_data.messages m
        WHERE m.workspace_id = $1 AND m.sender_id = i.id
            AND ($4::text[] IS NULL OR m.connection_id = ANY($4)) AND ($5::text[] IS NULL OR m.type = ANY($5))
        ORDER BY m.occurred_at DESC
        LIMIT $6
    ) s
    UNION ALL
    SELECT m.*
    FROM variance_data.connections n
    JOIN variance_data.messages m ON m.workspace_id = $1 AND m.connection_id = n.id AND m.message_id = $3
        AND variance_data.message_digest(m.connection_id, m.message_id) = variance_data.message_digest(n.id, $3)
    WHERE n.workspace_id = $1 AND ($4::text[] IS NULL OR m.connection_id = ANY($4)) AND ($5::text[] IS NULL OR m.type = ANY($5))
)
SELECT
    m.position, m.workspace_id, m.connection_id, n.name AS connection, m.message_id, m.type, m.occurred_at,
    m.received_at, coalesce(
        m.body ->> 'event', m.body ->> 'name', m.body ->> 'groupId', m.body ->> 'previousId',
        m.body -> 'properties' ->> 'title', m.body -> 'properties' ->> 'path'
    ) AS label,
    coalesce(m.body ->> 'userId', m.body ->> 'anonymousId') AS sender, i.contact_id, c.external_id, c.email
FROM (SELECT DISTINCT ON (f.position) f.* FROM found f ORDER BY f.position DESC LIMIT $6) m
JOIN variance_data.connections n ON n.id = m.connection_id
LEFT JOIN variance_data.identities i ON i.workspace_id = $1 AND i.id = m.sender_id
LEFT JOIN variance_data.contacts c ON c.workspace_id = $1 AND c.id = i.contact_id
ORDER BY m.position DESC
