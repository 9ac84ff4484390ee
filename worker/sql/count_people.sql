-- Counts the contacts of accounts, each up to a bound.
-- $1 workspace, $2 accounts, $3 the bound.
SELECT a.id AS account_id, p.people
FROM unnest($2::uuid[]) AS a (id)
CROSS JOIN LATERAL (
    SELECT count(*) AS people FROM (
        SELECT FROM variance_data.contacts c WHERE c.workspace_id = $1 AND c.account_id = a.id LIMIT $3
    ) bounded
) p
