-- Writes the words of accounts that nobody is changing, and gives these. The locks last as long as the statement.
-- $1 workspace, $2 accounts.
WITH held AS MATERIALIZED (
    SELECT a.id, variance_data.words(a.key, NULL, variance_data.plain_traits(a.traits)) AS words
    FROM variance_data.accounts a
    WHERE a.workspace_id = $1 AND a.id = ANY($2::uuid[])
    ORDER BY a.id
    FOR SHARE SKIP LOCKED
), written AS (
    INSERT INTO variance_data.search_words AS w (workspace_id, subject_id, is_account, words)
    SELECT $1::bigint, h.id, true, h.words FROM held h
    ON CONFLICT (workspace_id, subject_id) DO UPDATE SET words = excluded.words WHERE w.words <> excluded.words
)
SELECT h.id FROM held h
