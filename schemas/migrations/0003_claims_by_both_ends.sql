-- The claims' index ends in the workspace.
-- depends: 0002_console

-- migrate: apply
-- Every statement names the workspace with the id. Without statistics of a young table, Postgres took the key, which
-- begins with the workspace, and read all of its claims for each id.
DROP INDEX variance_data.claims_by_user;
CREATE INDEX claims_by_user ON variance_data.claims (user_id, anonymous_id, workspace_id);

-- migrate: rollback
DROP INDEX variance_data.claims_by_user;
CREATE INDEX claims_by_user ON variance_data.claims (user_id, anonymous_id);
