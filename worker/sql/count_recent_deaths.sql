-- Counts the dead letters that died since a moment.
-- $1 moment.
SELECT count(*) FROM variance_data.dead_letters d WHERE d.died_at >= $1
