-- Reads who claimed these anonymous visitors; no claim that names a quarantined id counts.
-- $1 workspace, $2 visitors.
SELECT l.anonymous_id, l.user_id, l.occurred_at, l.message_id, l.connection_id
FROM unnest($2::uuid[]) AS n (id)
JOIN variance_data.claims l ON l.workspace_id = $1 AND l.anonymous_id = n.id
WHERE NOT EXISTS (
        SELECT FROM variance_data.identities q WHERE q.workspace_id = $1 AND q.id = n.id AND q.is_quarantined
    )
    AND NOT EXISTS (
        SELECT FROM variance_data.identities q WHERE q.workspace_id = $1 AND q.id = l.user_id AND q.is_quarantined
    )
