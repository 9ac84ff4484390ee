-- Remembers how far arrivals were counted.
-- $1 position.
UPDATE variance_data.arrivals_counted SET position = $1
