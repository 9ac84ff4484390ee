-- Holds off whoever deletes somebody in a workspace, until the transaction ends.
-- $1 workspace.
SELECT pg_advisory_xact_lock_shared(1447121490, ($1::bigint % 2147483647)::integer)
