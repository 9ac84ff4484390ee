-- Reads the Alias calls that name one of these identities; none that names a quarantined id counts.
-- $1 workspace, $2 identities.
WITH named AS MATERIALIZED (
    SELECT n.id FROM unnest($2::uuid[]) AS n (id)
    WHERE NOT EXISTS (
        SELECT FROM variance_data.identities q WHERE q.workspace_id = $1 AND q.id = n.id AND q.is_quarantined
    )
)
SELECT a.connection_id, a.message_id, a.occurred_at, a.previous_value, a.user_value, a.previous_id, a.user_id,
    a.is_withdrawn
FROM variance_data.aliases a
WHERE a.workspace_id = $1
    AND (a.previous_id = ANY(ARRAY(SELECT id FROM named)) OR a.user_id = ANY(ARRAY(SELECT id FROM named)))
    AND NOT EXISTS (
        SELECT FROM variance_data.identities q
        WHERE q.workspace_id = $1 AND q.id IN (a.previous_id, a.user_id) AND q.is_quarantined
    )
