-- Reads how connections match accounts, and from before when their workspaces may have trimmed events.
-- $1 connections.
SELECT
    n.id, n.workspace_id, n.account_method, n.account_id_trait, n.account_name_trait, n.email_fallback,
    n.mail_provider_accounts, n.excluded_domains, n.included_domains, r.trimmed_until
FROM variance_data.connections n
LEFT JOIN variance_data.retention r ON r.workspace_id = n.workspace_id
WHERE n.id = ANY($1::text[])
