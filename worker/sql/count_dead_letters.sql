-- Counts dead letters by reason.
SELECT d.reason, count(*) AS letters, max(d.id) AS last_id
FROM variance_data.dead_letters d
GROUP BY d.reason
ORDER BY letters DESC, d.reason
