-- Reads the claims that identities made or were subject to.
-- $1 workspace, $2 identities.
SELECT l.anonymous_id, l.user_id, l.occurred_at, l.message_id, l.connection_id
FROM variance_data.claims l
WHERE l.workspace_id = $1 AND (l.anonymous_id = ANY($2::uuid[]) OR l.user_id = ANY($2::uuid[]))
