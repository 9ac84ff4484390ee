-- Finds which of these identities were deleted, and when.
-- $1 workspace, $2 identities.
SELECT t.identity_id, t.deleted_at
FROM variance_data.tombstones t
WHERE t.workspace_id = $1 AND t.identity_id = ANY($2::uuid[])
