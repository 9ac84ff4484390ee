-- Sums up the tombstones: both numbers together are others after anybody was forgotten, since rows only come, and
-- their moments only move on.
-- $1 workspace, or null for all.
SELECT count(*) AS tombstones, coalesce(sum(extract(epoch FROM t.deleted_at)), 0) AS moments
FROM variance_data.tombstones t
WHERE $1::bigint IS NULL OR t.workspace_id = $1
