-- Reads when identities were seen, the contact that each belongs to, and of one that is both a user and a visitor which
-- of the two the message that named it first does not show.
-- $1 workspace, $2 identities.
SELECT
    i.id, i.contact_id, i.first_seen, i.last_seen_at,
    i.is_user AND i.is_anonymous AND m.user_value IS DISTINCT FROM i.value AS hides_user,
    i.is_user AND i.is_anonymous AND m.visitor_value IS DISTINCT FROM i.value AS hides_visitor
FROM variance_data.identities i
LEFT JOIN LATERAL (
    SELECT f.body ->> 'userId' AS user_value, f.body ->> 'anonymousId' AS visitor_value
    FROM variance_data.messages f
    WHERE i.is_user AND i.is_anonymous AND f.workspace_id = $1
        AND f.connection_id = i.first_seen ->> 2 AND f.message_id = i.first_seen ->> 1
        AND variance_data.message_digest(f.connection_id, f.message_id)
            = variance_data.message_digest(i.first_seen ->> 2, i.first_seen ->> 1)
    LIMIT 1
) m ON true
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[])
