-- Removes what identities said until a moment.
-- $1 workspace, $2 identities, $3 moment.
DELETE FROM variance_data.messages m
WHERE m.workspace_id = $1 AND m.sender_id = ANY($2::uuid[]) AND m.occurred_at <= $3 AND m.type <> 'delete'
