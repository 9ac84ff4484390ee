-- How long a workspace keeps its events.
-- depends: 0005_aliases_by_both_ends

-- migrate: apply
-- `kept_seconds`: null where events are kept for good. `trimmed_until` only grows: what occurred before it may have been
-- trimmed, so that nothing tells a message from before it from a repeat. `checked_at`: when a trim last came to an end.
CREATE TABLE variance_data.retention (
    workspace_id  bigint PRIMARY KEY,
    kept_seconds  bigint,
    trimmed_until timestamptz,
    checked_at    timestamptz
);

-- `deleted`: its sender was deleted after saying it. `expired`: it is older than what its workspace keeps.
ALTER TABLE variance_data.suppressions ADD COLUMN reason text NOT NULL DEFAULT 'deleted';

-- migrate: rollback
ALTER TABLE variance_data.suppressions DROP COLUMN reason;
DROP TABLE variance_data.retention;
