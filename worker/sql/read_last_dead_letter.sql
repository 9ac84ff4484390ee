-- Reads the number of the last dead letter.
SELECT coalesce(max(d.id), 0) FROM variance_data.dead_letters d
