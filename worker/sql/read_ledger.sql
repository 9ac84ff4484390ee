-- Reads what became of the messages of each partition.
SELECT l.partition, l.accepted, l.applied, l.duplicate, l.suppressed, l.dead, l.settled_entries
FROM variance_data.ledger l
