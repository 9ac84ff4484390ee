-- Reads the names of a workspace's connections.
-- $1 workspace.
SELECT n.id, n.name FROM variance_data.connections n WHERE n.workspace_id = $1
