-- Enables or disables a connection.
-- $1 connection, $2 whether it is to be enabled.
UPDATE variance_data.connections n SET is_enabled = $2 WHERE n.id = $1
