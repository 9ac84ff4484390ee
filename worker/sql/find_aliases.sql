-- Reads the Alias calls that name one of these identities; none that names a quarantined id counts. OFFSET: as in
-- find_claims.
-- $1 workspace, $2 identities.
SELECT a.connection_id, a.message_id, a.occurred_at, a.previous_value, a.user_value, a.previous_id, a.user_id,
    a.is_withdrawn
FROM unnest($2::uuid[]) AS n (id)
CROSS JOIN LATERAL (
    (SELECT * FROM variance_data.aliases p WHERE p.workspace_id = $1 AND p.previous_id = n.id OFFSET 0)
    UNION ALL
    (SELECT * FROM variance_data.aliases u
        WHERE u.workspace_id = $1 AND u.user_id = n.id AND NOT coalesce(u.previous_id = ANY($2::uuid[]), false)
        OFFSET 0)
) AS a
WHERE NOT EXISTS (
        SELECT FROM variance_data.identities q
        WHERE q.workspace_id = $1 AND q.id IN (a.previous_id, a.user_id) AND q.is_quarantined
    )
