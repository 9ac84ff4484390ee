-- Counts messages that did not come through the queue.
-- $1 accepted, $2 applied, $3 duplicate, $4 suppressed, $5 dead.
INSERT INTO variance_data.ledger AS l (partition, accepted, applied, duplicate, suppressed, dead)
VALUES (-1, $1, $2, $3, $4, $5)
ON CONFLICT (partition) DO UPDATE SET
    accepted = l.accepted + excluded.accepted,
    applied = l.applied + excluded.applied,
    duplicate = l.duplicate + excluded.duplicate,
    suppressed = l.suppressed + excluded.suppressed,
    dead = l.dead + excluded.dead
