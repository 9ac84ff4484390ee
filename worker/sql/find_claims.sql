-- Reads who claimed these anonymous visitors.
-- $1 workspace, $2 visitors.
SELECT l.anonymous_id, l.user_id, l.occurred_at, l.message_id, l.connection_id
FROM variance_data.claims l
WHERE l.workspace_id = $1 AND l.anonymous_id = ANY($2::uuid[])
