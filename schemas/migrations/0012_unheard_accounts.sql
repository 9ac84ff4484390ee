-- An account of whose people nobody was active is last seen when it is first seen.
-- depends: 0011_stays_name_their_account

-- migrate: apply
-- `is_heard`: somebody's message moved last_seen_at; while none has, it is first_seen_at.
ALTER TABLE variance_data.accounts ADD COLUMN is_heard boolean NOT NULL DEFAULT true;

-- migrate: rollback
ALTER TABLE variance_data.accounts DROP COLUMN is_heard;
