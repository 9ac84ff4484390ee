-- Says in few rows, and once for each contact or account, what these rows say: each has those whose ids begin alike.
-- $1 workspace, $2 positions.
INSERT INTO variance_data.stale_words (workspace_id, is_account, subject_ids)
SELECT $1::bigint, t.is_account, array_agg(DISTINCT t.subject_id)
FROM (
    SELECT s.is_account, unnest(s.subject_ids) AS subject_id
    FROM variance_data.stale_words s
    WHERE s.workspace_id = $1 AND s.position = ANY($2::bigint[])
) t
GROUP BY t.is_account, left(t.subject_id::text, 3)
ON CONFLICT DO NOTHING
