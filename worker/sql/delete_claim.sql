-- Removes a user's claim on an anonymous visitor.
-- $1 workspace, $2 visitor, $3 user.
DELETE FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.anonymous_id = $2 AND l.user_id = $3
