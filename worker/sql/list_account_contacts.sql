-- Lists the contacts of an account, those with an external id first.
-- $1 workspace, $2 account, $3 whether the last one shown was anonymous, and $4 its id, or null; $5 how many.
SELECT c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at
FROM variance_data.contacts c
WHERE c.workspace_id = $1 AND c.account_id = $2
    AND (c.external_id IS NULL, c.id) > ($3::boolean, coalesce($4::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY (c.external_id IS NULL), c.id
LIMIT $5
