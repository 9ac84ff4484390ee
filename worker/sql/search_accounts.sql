-- Finds accounts by the words that are known of them.
-- $1 workspace, $2 words as a tsquery, $3 at most how many.
SELECT a.id, a.key, a.source, coalesce(a.traits -> 'name' ->> 3, a.key) AS name, a.first_seen_at, a.last_seen_at
FROM (
    SELECT * FROM variance_data.accounts n
    WHERE n.workspace_id = $1
        AND variance_data.words(n.key, NULL, variance_data.plain_traits(n.traits)) @@ to_tsquery('simple', $2)
    LIMIT $3
) a
WHERE a.is_own OR EXISTS (
    SELECT FROM variance_data.contacts c WHERE c.workspace_id = $1 AND c.account_id = a.id
)
ORDER BY a.last_seen_at DESC, a.id
