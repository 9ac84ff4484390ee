-- Remembers that identities were deleted; the latest time counts.
-- $1 workspace, $2 identities, $3 when.
INSERT INTO variance_data.tombstones AS t (workspace_id, identity_id, deleted_at)
SELECT $1::bigint, n.id, $3::timestamptz FROM unnest($2::uuid[]) AS n (id)
ON CONFLICT (workspace_id, identity_id) DO UPDATE SET deleted_at = excluded.deleted_at
WHERE t.deleted_at < excluded.deleted_at
