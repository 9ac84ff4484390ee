-- Finds an account.
-- $1 workspace, $2 id.
SELECT w.name AS workspace, a.id, a.key, a.source, a.is_own, variance_data.account_name(a.traits, a.key) AS name,
    variance_data.plain_traits(a.traits) AS traits, a.first_seen_at, a.last_seen_at
FROM variance_data.accounts a
JOIN variance_data.workspaces w ON w.id = a.workspace_id
WHERE a.workspace_id = $1 AND a.id = $2
