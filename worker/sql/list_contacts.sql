-- Lists a workspace's contacts in the order of their ids.
-- $1 workspace, $2 behind which id, or null, $3 at most how many.
SELECT c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at,
    variance_data.account_name(a.traits, a.key) AS account
FROM variance_data.contacts c
LEFT JOIN variance_data.accounts a ON a.workspace_id = c.workspace_id AND a.id = c.account_id
WHERE c.workspace_id = $1 AND c.id > coalesce($2::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY c.id
LIMIT $3
