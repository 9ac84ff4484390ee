-- Removes what was read of those whose words had to be read again.
-- $1 workspace, $2 positions.
DELETE FROM variance_data.stale_words s
WHERE s.workspace_id = $1 AND s.position = ANY($2::bigint[])
