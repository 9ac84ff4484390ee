-- Lists the contacts without an account, those with an external id first.
-- $1 workspace, $2 whether the last one shown was anonymous, and $3 its id, or null; $4 at most how many.
SELECT c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at
FROM variance_data.contacts c
WHERE c.workspace_id = $1 AND c.account_id IS NULL
    AND (c.external_id IS NULL, c.id) > ($2::boolean, coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY (c.external_id IS NULL), c.id
LIMIT $4
