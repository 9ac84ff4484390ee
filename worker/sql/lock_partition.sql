-- Takes the partition for this transaction, unless somebody else has it.
-- $1 partition.
SELECT pg_try_advisory_xact_lock(1447121486, $1::integer)
