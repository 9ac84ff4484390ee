-- Forgets how the queue stood long ago.
-- $1 until when.
DELETE FROM variance_data.queue_samples q WHERE q.sampled_at < $1
