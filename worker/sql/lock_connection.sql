-- Locks a connection until the transaction ends.
-- $1 connection.
SELECT n.id FROM variance_data.connections n WHERE n.id = $1 FOR UPDATE
