-- Reads the highest number that a dead letter was given, whether it is still there or not.
SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('variance_data.dead_letters', 'id')::regclass), 0)
