-- Gives which of these contacts and accounts there are.
-- $1 workspace, $2 contacts or accounts.
SELECT c.id FROM variance_data.contacts c WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[])
UNION ALL
SELECT a.id FROM variance_data.accounts a WHERE a.workspace_id = $1 AND a.id = ANY($2::uuid[])
