-- Counts what became of a dead letter that was tried again, which was counted as dead.
-- $1 applied, $2 duplicate, $3 suppressed, $4 dead.
INSERT INTO variance_data.ledger AS l (partition, applied, duplicate, suppressed, dead)
VALUES (-1, $1, $2, $3, $4 - 1)
ON CONFLICT (partition) DO UPDATE SET
    applied = l.applied + excluded.applied,
    duplicate = l.duplicate + excluded.duplicate,
    suppressed = l.suppressed + excluded.suppressed,
    dead = l.dead + excluded.dead
