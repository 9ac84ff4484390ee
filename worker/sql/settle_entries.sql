-- Counts what became of a drain's messages, and remembers its stream entries until they are removed.
-- $1 partition, $2 applied, $3 duplicate, $4 suppressed, $5 dead, $6 entries.
INSERT INTO variance_data.ledger AS l (partition, applied, duplicate, suppressed, dead, settled_entries)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (partition) DO UPDATE SET
    applied = l.applied + excluded.applied,
    duplicate = l.duplicate + excluded.duplicate,
    suppressed = l.suppressed + excluded.suppressed,
    dead = l.dead + excluded.dead,
    settled_entries = excluded.settled_entries
RETURNING applied + duplicate + suppressed + dead
