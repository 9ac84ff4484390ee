-- Changes how a connection matches accounts.
-- $1 connection, $2 method, $3 id's path, $4 name's path, $5 e-mail fallback, $6 mail providers' accounts,
-- $7 domains that make no account, $8 domains that make one in any case.
UPDATE variance_data.connections n
SET
    account_method = $2,
    account_id_trait = $3,
    account_name_trait = $4,
    email_fallback = $5,
    mail_provider_accounts = $6,
    excluded_domains = $7,
    included_domains = $8
WHERE n.id = $1
