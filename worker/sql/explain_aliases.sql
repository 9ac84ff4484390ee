-- Reads the Alias calls that name identities.
-- $1 workspace, $2 identities.
SELECT a.connection_id, a.message_id, a.occurred_at, a.previous_value, a.user_value, a.previous_id, a.user_id,
    a.is_withdrawn
FROM variance_data.aliases a
WHERE a.workspace_id = $1 AND (a.previous_id = ANY($2::uuid[]) OR a.user_id = ANY($2::uuid[]))
