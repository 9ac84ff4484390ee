-- Writes the words of contacts that nobody is changing, and gives these: words of a contact that somebody is taken out
-- of would come after those were removed. The locks last as long as the statement.
-- $1 workspace, $2 contacts.
WITH held AS MATERIALIZED (
    SELECT c.id, variance_data.words(c.external_id, c.email, c.traits) AS words
    FROM variance_data.contacts c
    WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[])
    ORDER BY c.id
    FOR SHARE SKIP LOCKED
), written AS (
    INSERT INTO variance_data.search_words AS w (workspace_id, subject_id, is_account, words)
    SELECT $1::bigint, h.id, false, h.words FROM held h
    ON CONFLICT (workspace_id, subject_id) DO UPDATE SET words = excluded.words WHERE w.words <> excluded.words
)
SELECT h.id FROM held h
