-- Reads who claimed these anonymous visitors; no claim that names a quarantined id counts. OFFSET has each visitor looked
-- up by the key, where a join of a young table, without statistics, would read all of the workspace.
-- $1 workspace, $2 visitors.
SELECT l.anonymous_id, l.user_id, l.occurred_at, l.message_id, l.connection_id
FROM unnest($2::uuid[]) AS n (id)
CROSS JOIN LATERAL (
    SELECT c.anonymous_id, c.user_id, c.occurred_at, c.message_id, c.connection_id
    FROM variance_data.claims c
    WHERE c.workspace_id = $1 AND c.anonymous_id = n.id
    OFFSET 0
) AS l
WHERE NOT EXISTS (
        SELECT FROM variance_data.identities q WHERE q.workspace_id = $1 AND q.id = n.id AND q.is_quarantined
    )
    AND NOT EXISTS (
        SELECT FROM variance_data.identities q WHERE q.workspace_id = $1 AND q.id = l.user_id AND q.is_quarantined
    )
