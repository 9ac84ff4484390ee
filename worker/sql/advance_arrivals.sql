-- Remembers how far arrivals may be counted once the transactions of now have ended, and how far they have come.
-- $1 next position, $2 position of now.
UPDATE variance_data.arrivals_counted SET
    next_position = $1, next_transaction = pg_snapshot_xmax(pg_current_snapshot()), seen_position = $2
