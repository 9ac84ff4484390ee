-- Lists the contacts without an account, those with an external id first. The order begins as the index does.
-- $1 workspace, $2 whether the last one shown was anonymous (1 or 0), $3 its id, or null, $4 at most how many.
SELECT c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at
FROM (
    (
        SELECT * FROM variance_data.contacts n
        WHERE n.workspace_id = $1 AND n.account_id IS NULL AND (CASE WHEN n.external_id IS NULL THEN 1 ELSE 0 END) = $2
            AND n.id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')
        ORDER BY n.account_id, (CASE WHEN n.external_id IS NULL THEN 1 ELSE 0 END), n.workspace_id, n.id
        LIMIT $4
    )
    UNION ALL
    (
        SELECT * FROM variance_data.contacts n
        WHERE n.workspace_id = $1 AND n.account_id IS NULL AND (CASE WHEN n.external_id IS NULL THEN 1 ELSE 0 END) = 1 AND $2 = 0
        ORDER BY n.account_id, (CASE WHEN n.external_id IS NULL THEN 1 ELSE 0 END), n.workspace_id, n.id
        LIMIT $4
    )
) c
ORDER BY (c.external_id IS NULL), c.id
LIMIT $4
