-- The links' indexes end in the workspace.
-- depends: 0002_console

-- migrate: apply
-- Every statement names the workspace with the id. Without statistics of a young table, Postgres took the key, which
-- begins with the workspace, and read all of its links for each id.
DROP INDEX variance_data.claims_by_user;
DROP INDEX variance_data.aliases_by_previous;
DROP INDEX variance_data.aliases_by_user;
CREATE INDEX claims_by_user ON variance_data.claims (user_id, anonymous_id, workspace_id);
CREATE INDEX aliases_by_previous ON variance_data.aliases (previous_id, user_id, workspace_id);
CREATE INDEX aliases_by_user ON variance_data.aliases (user_id, previous_id, workspace_id);

-- migrate: rollback
DROP INDEX variance_data.claims_by_user;
DROP INDEX variance_data.aliases_by_previous;
DROP INDEX variance_data.aliases_by_user;
CREATE INDEX claims_by_user ON variance_data.claims (user_id, anonymous_id);
CREATE INDEX aliases_by_previous ON variance_data.aliases (previous_id, user_id);
CREATE INDEX aliases_by_user ON variance_data.aliases (user_id, previous_id);
