-- Reads how far arrivals were counted, and locks that until the transaction ends; nothing where somebody else counts.
SELECT
    c.position, c.next_position, c.seen_position,
    c.next_transaction <= pg_snapshot_xmin(pg_current_snapshot()) AS is_next_settled
FROM variance_data.arrivals_counted c
FOR UPDATE SKIP LOCKED
