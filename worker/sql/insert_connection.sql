-- Makes a connection, unless its name is taken in its workspace.
-- $1 workspace, $2 id, $3 name, $4 secret's SHA-256, $5 method, $6 id's trait, $7 name's trait, $8 e-mail fallback,
-- $9 accounts of mail providers, $10 excluded domains, $11 included domains, $12 when.
INSERT INTO variance_data.connections AS n (
    workspace_id, id, name, secret_sha256, account_method, account_id_trait, account_name_trait, email_fallback,
    mail_provider_accounts, excluded_domains, included_domains, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (workspace_id, name) DO NOTHING
RETURNING n.id
