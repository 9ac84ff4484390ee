-- Finds connections by name, workspace's name and id; null stands for any.
-- $1 name, $2 workspace's name, $3 id.
SELECT
    n.id, n.name, n.workspace_id, w.name AS workspace, n.is_enabled, n.secret_sha256, n.previous_secret_expires_at,
    n.account_method, n.account_id_trait, n.account_name_trait, n.email_fallback, n.mail_provider_accounts,
    n.excluded_domains, n.included_domains, n.created_at
FROM variance_data.connections n
JOIN variance_data.workspaces w ON w.id = n.workspace_id
WHERE ($1::text IS NULL OR n.name = $1) AND ($2::text IS NULL OR w.name = $2) AND ($3::text IS NULL OR n.id = $3)
ORDER BY w.name, n.name
