-- Tells whether a connection has a message in the log.
-- $1 workspace, $2 connection.
SELECT EXISTS (SELECT FROM variance_data.messages m WHERE m.workspace_id = $1 AND m.connection_id = $2)
