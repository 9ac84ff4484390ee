-- Reads how the queue stood: of each span of time its last sample.
-- $1 since when, $2 a span's length.
SELECT DISTINCT ON (date_bin($2, q.sampled_at, 'epoch'))
    q.sampled_at, q.accepted, q.applied, q.duplicate, q.suppressed, q.dead, q.pending, q.entries, q.age_seconds
FROM variance_data.queue_samples q
WHERE q.sampled_at >= $1
ORDER BY date_bin($2, q.sampled_at, 'epoch'), q.sampled_at DESC
