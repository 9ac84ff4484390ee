-- Reads accounts' names.
-- $1 workspace, $2 accounts.
SELECT a.id, coalesce(a.traits -> 'name' ->> 3, a.key) AS name
FROM variance_data.accounts a
WHERE a.workspace_id = $1 AND a.id = ANY($2::uuid[])
