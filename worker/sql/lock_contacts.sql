-- Locks contacts, in the one order that everybody locks them in.
-- $1 workspace, $2 contacts.
SELECT c.id
FROM variance_data.contacts c
WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[])
ORDER BY c.id
FOR UPDATE
