-- Reads which transactions have read how long events are kept; each holds a lock on that table to its end.
SELECT l.virtualtransaction
FROM pg_locks l
JOIN pg_database d ON d.oid = l.database
WHERE l.relation = 'variance_data.retention'::regclass AND l.pid <> pg_backend_pid() AND d.datname = current_database()
