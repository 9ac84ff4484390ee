-- Lists identities that were seen before a moment: only they can have sent what is as old.
-- $1 workspace, $2 behind which identity, $3 moment, $4 at most how many.
SELECT i.id
FROM variance_data.identities i
WHERE i.workspace_id = $1 AND i.id > $2 AND variance_data.stamp_at(i.first_seen) < $3
ORDER BY i.id
LIMIT $4
