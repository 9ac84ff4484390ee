-- Removes the Alias calls that name identities.
-- $1 workspace, $2 identities.
DELETE FROM variance_data.aliases a
WHERE a.workspace_id = $1 AND (a.previous_id = ANY($2::uuid[]) OR a.user_id = ANY($2::uuid[]))
RETURNING a.connection_id, a.message_id, a.previous_id, a.user_id
