-- Removes the words of contacts and accounts that are gone.
-- $1 workspace, $2 contacts or accounts.
DELETE FROM variance_data.search_words w
WHERE w.workspace_id = $1 AND w.subject_id = ANY($2::uuid[])
    AND NOT EXISTS (SELECT FROM variance_data.contacts c WHERE c.workspace_id = $1 AND c.id = w.subject_id)
    AND NOT EXISTS (SELECT FROM variance_data.accounts a WHERE a.workspace_id = $1 AND a.id = w.subject_id)
