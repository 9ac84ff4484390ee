-- Quarantines the identities that are linked with more others than their workspace allows; where $3, frees those that
-- are not any more. Gives the ones that changed.
-- $1 workspace, $2 identities, $3 whether to look at quarantined ones.
-- Each part is ordered as its index is, so that its limit bounds what is read, whatever the statistics say.
UPDATE variance_data.identities i
SET is_quarantined = judged.is_over
FROM (
    SELECT k.id, (
        SELECT count(*) FROM (
            (SELECT l.anonymous_id FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.user_id = k.id
                ORDER BY l.anonymous_id LIMIT w.most_links + 1)
            UNION
            (SELECT l.user_id FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.anonymous_id = k.id
                ORDER BY l.user_id LIMIT w.most_links + 1)
            UNION
            (SELECT DISTINCT a.previous_id FROM variance_data.aliases a
                WHERE a.workspace_id = $1 AND a.user_id = k.id AND a.previous_id <> k.id AND NOT a.is_withdrawn
                ORDER BY a.previous_id LIMIT w.most_links + 1)
            UNION
            (SELECT DISTINCT a.user_id FROM variance_data.aliases a
                WHERE a.workspace_id = $1 AND a.previous_id = k.id AND a.user_id <> k.id AND NOT a.is_withdrawn
                ORDER BY a.user_id LIMIT w.most_links + 1)
        ) AS others
    ) > w.most_links AS is_over
    FROM variance_data.workspaces w
    JOIN variance_data.identities k ON k.workspace_id = w.id
    WHERE w.id = $1 AND k.id = ANY($2::uuid[]) AND ($3 OR NOT k.is_quarantined)
) AS judged
WHERE i.workspace_id = $1 AND i.id = judged.id AND i.is_quarantined <> judged.is_over
RETURNING i.id, i.is_quarantined
