-- Gives the workspaces with many rows that say whose words have to be read again.
-- $1 more than how many rows.
SELECT s.workspace_id
FROM variance_data.stale_words s
GROUP BY s.workspace_id
HAVING count(*) > $1::bigint
