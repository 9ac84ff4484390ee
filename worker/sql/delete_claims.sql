-- Removes the claims that identities made or were subject to.
-- $1 workspace, $2 identities.
DELETE FROM variance_data.claims l
WHERE l.workspace_id = $1 AND (l.anonymous_id = ANY($2::uuid[]) OR l.user_id = ANY($2::uuid[]))
RETURNING l.connection_id, l.message_id, l.anonymous_id AS previous_id, l.user_id
