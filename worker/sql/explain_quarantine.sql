-- Finds which of these identities are quarantined, and with how many others messages link each.
-- $1 workspace, $2 identities.
SELECT k.id, (
    SELECT count(*) FROM (
        SELECT l.anonymous_id FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.user_id = k.id
        UNION
        SELECT l.user_id FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.anonymous_id = k.id
        UNION
        SELECT a.previous_id FROM variance_data.aliases a
        WHERE a.workspace_id = $1 AND a.user_id = k.id AND NOT a.is_withdrawn
        UNION
        SELECT a.user_id FROM variance_data.aliases a
        WHERE a.workspace_id = $1 AND a.previous_id = k.id AND NOT a.is_withdrawn
    ) AS others (id)
    WHERE others.id <> k.id
) AS links
FROM variance_data.identities k
WHERE k.workspace_id = $1 AND k.id = ANY($2::uuid[]) AND k.is_quarantined
