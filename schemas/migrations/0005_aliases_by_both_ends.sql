-- The aliases' indexes end in the workspace, as the claims' one does.
-- depends: 0004_operating

-- migrate: apply
-- A migration of its own: who holds the claims and waits for the aliases would wait for a worker that waits for it.
DROP INDEX variance_data.aliases_by_previous;
DROP INDEX variance_data.aliases_by_user;
CREATE INDEX aliases_by_previous ON variance_data.aliases (previous_id, user_id, workspace_id);
CREATE INDEX aliases_by_user ON variance_data.aliases (user_id, previous_id, workspace_id);

-- migrate: rollback
DROP INDEX variance_data.aliases_by_previous;
DROP INDEX variance_data.aliases_by_user;
CREATE INDEX aliases_by_previous ON variance_data.aliases (previous_id, user_id);
CREATE INDEX aliases_by_user ON variance_data.aliases (user_id, previous_id);
