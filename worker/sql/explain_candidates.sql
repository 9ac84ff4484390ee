-- Finds the contacts of identities, and those with an e-mail address in any spelling, in each workspace.
-- $1 workspace's name or null, $2 identities, $3 e-mail address or null, $4 at most how many.
SELECT w.id AS workspace_id, w.name AS workspace, c.id AS contact_id, c.external_id, i.id AS identity_id
FROM variance_data.workspaces w
JOIN variance_data.identities i ON i.workspace_id = w.id AND i.id = ANY($2::uuid[])
JOIN variance_data.contacts c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id
WHERE $1::text IS NULL OR w.name = $1
UNION ALL
SELECT w.id, w.name, c.id, c.external_id, NULL
FROM variance_data.workspaces w
JOIN variance_data.contacts c ON c.workspace_id = w.id
    AND lower(left(c.email, 200)) = lower(left($3::text, 200)) AND lower(c.email) = lower($3)
WHERE $1::text IS NULL OR w.name = $1
ORDER BY workspace, contact_id, identity_id
LIMIT $4
