-- Tells whether anybody in a workspace was deleted.
-- $1 workspace.
SELECT EXISTS (SELECT FROM variance_data.tombstones t WHERE t.workspace_id = $1)
