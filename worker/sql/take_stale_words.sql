-- Takes rows that say whose words have to be read again, for this transaction; none that somebody else has.
-- $1 workspace, $2 at most how many.
SELECT s.position
FROM variance_data.stale_words s
WHERE s.workspace_id = $1
ORDER BY s.position
LIMIT $2
FOR UPDATE SKIP LOCKED
