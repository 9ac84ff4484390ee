-- What an operator did away with, by its key, and dead letters found by when they died.
-- depends: 0003_claims_by_both_ends

-- migrate: apply
-- Dead letters that were thrown away: that they were, and of what they had died. Of what they said nothing is kept.
CREATE TABLE variance_data.discards (
    workspace_id  bigint NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    reason        text NOT NULL,
    discarded_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, message_id)
);

CREATE INDEX dead_letters_by_death ON variance_data.dead_letters (died_at);

-- migrate: rollback
DROP INDEX variance_data.dead_letters_by_death;
DROP TABLE variance_data.discards;
