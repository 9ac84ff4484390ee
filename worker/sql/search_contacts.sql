-- Finds contacts by the words that are known of them, or by one of their ids.
-- $1 workspace, $2 words as a tsquery or null, $3 identities, $4 traits that they have or null, $5 at most how many.
SELECT c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at,
    variance_data.account_name(a.traits, a.key) AS account
FROM (
    SELECT * FROM (
        SELECT n.* FROM variance_data.contacts n
        JOIN variance_data.identities i ON i.workspace_id = n.workspace_id AND i.contact_id = n.id
        WHERE i.workspace_id = $1 AND i.id = ANY($3::uuid[])
        LIMIT $5
    ) named
    UNION
    SELECT * FROM (
        SELECT n.* FROM variance_data.search_words w
        JOIN variance_data.contacts n ON n.workspace_id = w.workspace_id AND n.id = w.subject_id
        WHERE $2::text IS NOT NULL AND w.workspace_id = $1 AND NOT w.is_account
            AND w.words @@ to_tsquery('simple', $2)
            AND ($4::jsonb IS NULL OR n.traits @> $4)
        LIMIT $5
    ) told
) c
LEFT JOIN variance_data.accounts a ON a.workspace_id = $1 AND a.id = c.account_id
ORDER BY c.last_seen_at DESC NULLS LAST, c.id
LIMIT $5
