-- Reads who still names identities: the earliest of their own messages and of the claims on them, and an alias.
-- $1 workspace, $2 identities.
SELECT
    i.id, own.occurred_at AS own_at, own.message_id AS own_message_id, own.connection_id AS own_connection_id,
    claim.occurred_at AS claim_at, claim.message_id AS claim_message_id, claim.connection_id AS claim_connection_id,
    EXISTS (
        SELECT FROM variance_data.messages m
        WHERE m.workspace_id = $1 AND m.sender_id = i.id AND m.body ->> 'anonymousId' = i.value
    ) AS is_visitor_itself,
    EXISTS (
        SELECT FROM variance_data.aliases a WHERE a.workspace_id = $1 AND a.previous_id = i.id AND a.user_id IS NOT NULL
    ) AS is_aliased
FROM variance_data.identities i
LEFT JOIN LATERAL (
    SELECT least(m.occurred_at, m.received_at + interval '1 day') AS occurred_at, m.message_id, m.connection_id
    FROM variance_data.messages m
    WHERE m.workspace_id = $1 AND m.sender_id = i.id AND m.type <> 'delete'
    ORDER BY least(m.occurred_at, m.received_at + interval '1 day'), m.message_id, m.connection_id
    LIMIT 1
) own ON true
LEFT JOIN LATERAL (
    SELECT l.occurred_at, l.message_id, l.connection_id
    FROM variance_data.claims l
    WHERE l.workspace_id = $1 AND l.anonymous_id = i.id
    ORDER BY l.occurred_at, l.message_id, l.connection_id
    LIMIT 1
) claim ON true
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[])
