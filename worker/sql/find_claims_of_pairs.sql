-- Finds the claims of these visitors by these users, whether they count or not.
-- $1 workspace, $2 visitors, $3 users.
SELECT l.anonymous_id, l.user_id, l.occurred_at, l.message_id, l.connection_id
FROM unnest($2::uuid[], $3::uuid[]) AS n (anonymous_id, user_id)
JOIN variance_data.claims l
    ON l.workspace_id = $1 AND l.anonymous_id = n.anonymous_id AND l.user_id = n.user_id
