-- Tells whether anybody is in a workspace.
-- $1 workspace.
SELECT EXISTS (SELECT FROM variance_data.contacts c WHERE c.workspace_id = $1)
