-- Lists a workspace's accounts in the order of their ids.
-- $1 workspace, $2 behind which id, or null, $3 at most how many.
SELECT a.id, a.key, a.source, variance_data.account_name(a.traits, a.key) AS name, a.first_seen_at, a.last_seen_at
FROM variance_data.accounts a
WHERE a.workspace_id = $1 AND a.id > coalesce($2::uuid, '00000000-0000-0000-0000-000000000000')
    AND (a.is_own OR EXISTS (
        SELECT FROM variance_data.contacts c WHERE c.workspace_id = $1 AND c.account_id = a.id
    ))
ORDER BY a.id
LIMIT $3
