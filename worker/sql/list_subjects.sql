-- Reads contacts, and accounts with their names, by their ids.
-- $1 workspace, $2 ids.
SELECT c.id, false AS is_account, NULL AS name, c.traits, c.email, c.external_id
FROM variance_data.contacts c WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[])
UNION ALL
SELECT a.id, true, variance_data.account_name(a.traits, a.key), NULL, NULL, NULL
FROM variance_data.accounts a WHERE a.workspace_id = $1 AND a.id = ANY($2::uuid[])
