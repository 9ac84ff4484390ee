-- Reads whose words have to be read again, those who have waited longest first.
-- $1 at most how many rows.
SELECT s.workspace_id, s.is_account, s.position, s.subject_ids
FROM variance_data.stale_words s
ORDER BY s.position
LIMIT $1
