-- Counts those of some transactions that have not ended.
-- $1 transactions.
SELECT count(DISTINCT l.virtualtransaction) FROM pg_locks l WHERE l.virtualtransaction = ANY($1::text[])
