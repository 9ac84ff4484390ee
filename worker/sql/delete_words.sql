-- Removes the words of contacts.
-- $1 workspace, $2 contacts.
DELETE FROM variance_data.search_words w
WHERE w.workspace_id = $1 AND w.subject_id = ANY($2::uuid[])
