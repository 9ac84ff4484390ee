-- Reads how connections match accounts.
-- $1 connections.
SELECT
    n.id, n.workspace_id, n.account_method, n.account_id_trait, n.account_name_trait, n.email_fallback,
    n.mail_provider_accounts, n.excluded_domains, n.included_domains
FROM variance_data.connections n
WHERE n.id = ANY($1::text[])
