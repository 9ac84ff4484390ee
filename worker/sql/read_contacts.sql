-- Reads contacts.
-- $1 workspace, $2 contacts.
SELECT c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at
FROM variance_data.contacts c
WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[])
