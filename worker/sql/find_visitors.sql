-- Finds the visitors whom users claim, whether the claim has an effect or not.
-- $1 workspace, $2 users.
SELECT DISTINCT l.anonymous_id FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.user_id = ANY($2::uuid[])
