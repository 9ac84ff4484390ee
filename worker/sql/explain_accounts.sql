-- Reads accounts' names.
-- $1 workspace, $2 accounts.
SELECT a.id, variance_data.account_name(a.traits, a.key) AS name
FROM variance_data.accounts a
WHERE a.workspace_id = $1 AND a.id = ANY($2::uuid[])
