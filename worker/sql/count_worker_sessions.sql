-- Counts the connections that workers have to this database.
SELECT count(*)
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.application_name = 'variance worker'
