-- Reads which stream entries the last commit settled.
-- $1 partition.
SELECT l.settled_entries FROM variance_data.ledger l WHERE l.partition = $1
