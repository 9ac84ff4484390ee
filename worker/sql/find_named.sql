-- Finds whom users name besides themselves: the visitors that they claim, and the ids that their Alias calls rename,
-- whether the link has an effect or not.
-- $1 workspace, $2 users.
SELECT l.anonymous_id AS id
FROM variance_data.claims l
WHERE l.workspace_id = $1 AND l.user_id = ANY($2::uuid[])
UNION
SELECT a.previous_id
FROM variance_data.aliases a
WHERE a.workspace_id = $1 AND a.user_id = ANY($2::uuid[]) AND a.previous_id IS NOT NULL
