-- Lists a workspace's audiences by name, one look at the index for each.
-- $1 workspace, $2 behind which name, $3 at most how many.
WITH RECURSIVE names (name, number) AS (
    (SELECT s.audience, 1 FROM variance_data.audience_signals s
    WHERE s.workspace_id = $1 AND s.audience > $2 ORDER BY s.audience LIMIT 1)
    UNION ALL
    SELECT n.name, names.number + 1
    FROM names
    CROSS JOIN LATERAL (
        SELECT s.audience AS name FROM variance_data.audience_signals s
        WHERE s.workspace_id = $1 AND s.audience > names.name ORDER BY s.audience LIMIT 1
    ) n
    WHERE names.number < $3
)
SELECT names.name FROM names ORDER BY names.name
