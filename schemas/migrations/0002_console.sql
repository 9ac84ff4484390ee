-- What the console keeps for itself, and the indexes that its pages need.
-- depends: 0001_initial

-- migrate: apply
-- Who may sign in. Without a password somebody signs in by one-time links only.
CREATE TABLE variance_data.console_users (
    id            bigserial PRIMARY KEY,
    name          text NOT NULL UNIQUE,
    password_hash text,
    created_at    timestamptz NOT NULL
);

-- Tokens by their SHA-256 in hexadecimal.
CREATE TABLE variance_data.console_sessions (
    token_sha256 text COLLATE "C" PRIMARY KEY,
    user_id      bigint NOT NULL REFERENCES variance_data.console_users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX console_sessions_by_user ON variance_data.console_sessions (user_id);
CREATE INDEX console_sessions_by_end ON variance_data.console_sessions (expires_at);

CREATE TABLE variance_data.sign_in_links (
    token_sha256 text COLLATE "C" PRIMARY KEY,
    user_id      bigint NOT NULL REFERENCES variance_data.console_users (id) ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL
);

-- Every change that was made in the console, by whom. `detail` holds no secret.
CREATE TABLE variance_data.audit_log (
    id         bigserial PRIMARY KEY,
    changed_at timestamptz NOT NULL,
    user_name  text NOT NULL,
    action     text NOT NULL,
    subject    text NOT NULL,
    detail     jsonb NOT NULL
);

-- How many messages a connection received in each span of so many seconds, counted from the log behind its back.
CREATE TABLE variance_data.arrivals (
    connection_id text COLLATE "C" NOT NULL,
    span_seconds  integer NOT NULL,
    started_at    timestamptz NOT NULL,
    messages      bigint NOT NULL,
    last_at       timestamptz NOT NULL,
    PRIMARY KEY (span_seconds, connection_id, started_at)
) WITH (fillfactor = 70);

-- How far `arrivals` has counted. A position may be committed later than one behind it, so what lies up to
-- `next_position` is counted once every transaction before `next_transaction` has ended. `seen_position` is how far
-- the positions had come a sweep earlier, so that whoever drew one of them has begun to write since.
CREATE TABLE variance_data.arrivals_counted (
    is_only          boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    position         bigint NOT NULL,
    next_position    bigint NOT NULL,
    next_transaction xid8 NOT NULL,
    seen_position    bigint NOT NULL
);
INSERT INTO variance_data.arrivals_counted (position, next_position, next_transaction, seen_position)
VALUES (0, 0, '0', 0);

-- The queue and the ledger as they were every ten seconds. The arrays have an element for each partition.
CREATE TABLE variance_data.queue_samples (
    sampled_at  timestamptz PRIMARY KEY,
    accepted    bigint NOT NULL,
    applied     bigint NOT NULL,
    duplicate   bigint NOT NULL,
    suppressed  bigint NOT NULL,
    dead        bigint NOT NULL,
    pending     bigint NOT NULL,
    entries     bigint[] NOT NULL,
    age_seconds real[] NOT NULL
);

CREATE INDEX dead_letters_by_reason ON variance_data.dead_letters (reason, id);
CREATE INDEX dead_letters_by_connection ON variance_data.dead_letters (connection_id, id);
CREATE INDEX audience_signals_by_audience
    ON variance_data.audience_signals (audience, workspace_id, subject_id, occurred_at);

-- The words by which somebody looks for a contact or an account. Only the beginning counts, so that no message can be
-- too long to be indexed; an e-mail address counts as its mailbox and its domain.
CREATE FUNCTION variance_data.words(id text, email text, traits jsonb) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('simple'::regconfig,
        left(coalesce(id, ''), 200) || ' ' || replace(left(coalesce(email, ''), 200), '@', ' ') || ' '
        || left(coalesce(traits::text, ''), 2000));

CREATE INDEX contacts_by_words ON variance_data.contacts USING gin (variance_data.words(external_id, email, traits));
CREATE INDEX accounts_by_words
    ON variance_data.accounts USING gin (variance_data.words(key, NULL, variance_data.plain_traits(traits)));

-- migrate: rollback
DROP INDEX variance_data.accounts_by_words;
DROP INDEX variance_data.contacts_by_words;
DROP FUNCTION variance_data.words(text, text, jsonb);
DROP INDEX variance_data.audience_signals_by_audience;
DROP INDEX variance_data.dead_letters_by_connection;
DROP INDEX variance_data.dead_letters_by_reason;
DROP TABLE variance_data.queue_samples;
DROP TABLE variance_data.arrivals_counted;
DROP TABLE variance_data.arrivals;
DROP TABLE variance_data.audit_log;
DROP TABLE variance_data.sign_in_links;
DROP TABLE variance_data.console_sessions;
DROP TABLE variance_data.console_users;
