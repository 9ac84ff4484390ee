-- Keeps how the queue and the ledger stand.
-- $1 when, $2 accepted, $3 applied, $4 duplicate, $5 suppressed, $6 dead, $7 pending, $8 entries, $9 ages in seconds.
INSERT INTO variance_data.queue_samples (
    sampled_at, accepted, applied, duplicate, suppressed, dead, pending, entries, age_seconds
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
