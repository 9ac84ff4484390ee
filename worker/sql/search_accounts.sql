-- Finds accounts by the words that are known of them.
-- $1 workspace, $2 words as a tsquery, $3 at most how many.
SELECT a.id, a.key, a.source, variance_data.account_name(a.traits, a.key) AS name, a.first_seen_at, a.last_seen_at
FROM (
    SELECT n.* FROM variance_data.search_words w
    JOIN variance_data.accounts n ON n.workspace_id = w.workspace_id AND n.id = w.subject_id
    WHERE w.workspace_id = $1 AND w.is_account AND w.words @@ to_tsquery('simple', $2)
    LIMIT $3
) a
WHERE a.is_own OR EXISTS (
    SELECT FROM variance_data.contacts c WHERE c.workspace_id = $1 AND c.account_id = a.id
)
ORDER BY a.last_seen_at DESC, a.id
