-- The message log, what is folded from it, and the views that users read.
-- depends:

-- migrate: apply
CREATE SCHEMA IF NOT EXISTS variance_data;
CREATE SCHEMA IF NOT EXISTS variance;

-- The ids of identities, contacts and accounts are digests with the workspace in them, so an index on one needs no
-- workspace. It must not begin with it either: on a young table, which has no statistics yet, Postgres takes a
-- workspace for few rows, and would rather read all of it than look up a thousand keys.

-- `most_links`: with how many others an id may be linked before it is quarantined.
CREATE TABLE variance_data.workspaces (
    id         bigserial PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    most_links integer NOT NULL DEFAULT 500,
    created_at timestamptz NOT NULL
);

-- Secrets by their SHA-256 in hexadecimal; the previous one lives on until it expires.
CREATE TABLE variance_data.connections (
    id                         text COLLATE "C" PRIMARY KEY,
    workspace_id               bigint NOT NULL,
    name                       text NOT NULL,
    is_enabled                 boolean NOT NULL DEFAULT true,
    secret_sha256              text NOT NULL,
    previous_secret_sha256     text,
    previous_secret_expires_at timestamptz,
    account_method             text NOT NULL,
    account_id_trait           text NOT NULL,
    account_name_trait         text NOT NULL,
    email_fallback             boolean NOT NULL,
    mail_provider_accounts     boolean NOT NULL,
    excluded_domains           text[] NOT NULL DEFAULT '{}',
    included_domains           text[] NOT NULL DEFAULT '{}',
    created_at                 timestamptz NOT NULL,
    UNIQUE (workspace_id, name),
    CHECK (account_method IN ('group', 'traits', 'email'))
);

-- The message log: every message that was applied, whole. `sender_id` is the identity that it belongs to (null where
-- its ids identify nobody), `account_id` the account that an event names itself, or that an Identify or Group call is
-- evidence of. `position` grows; a transaction that commits later may have lower ones.
CREATE TABLE variance_data.messages (
    workspace_id  bigint NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    type          text COLLATE "C" NOT NULL,
    occurred_at   timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    sender_id     uuid,
    account_id    uuid,
    body          jsonb NOT NULL,
    position      bigserial,
    PRIMARY KEY (workspace_id, connection_id, message_id)
);
CREATE INDEX messages_by_position ON variance_data.messages USING brin (position);
CREATE INDEX messages_by_sender ON variance_data.messages (sender_id, occurred_at);

-- An id seen in a workspace, with the evidence that its own messages gave. A stamp is
-- [microseconds since 1970, messageId, connection id]. `traits` is {trait: [...stamp, value]}, null for a removed
-- one; `account_evidence` is {source: {account key: stamp}}. `contact_id` is derived from the links, as is
-- `is_quarantined`: messages link it with so many others that it can be nobody's, and none of its links counts.
CREATE TABLE variance_data.identities (
    workspace_id     bigint NOT NULL,
    id               uuid NOT NULL,
    value            text NOT NULL,
    is_user          boolean NOT NULL,
    is_anonymous     boolean NOT NULL,
    contact_id       uuid NOT NULL,
    first_seen       jsonb,
    last_seen_at     timestamptz,
    traits           jsonb NOT NULL,
    account_evidence jsonb NOT NULL,
    is_quarantined   boolean NOT NULL,
    PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 80);
CREATE INDEX identities_in_quarantine ON variance_data.identities (workspace_id, id) WHERE is_quarantined;
CREATE INDEX identities_by_contact ON variance_data.identities (contact_id, workspace_id);

-- The earliest message in which a user appeared together with an anonymous visitor.
CREATE TABLE variance_data.claims (
    workspace_id  bigint NOT NULL,
    anonymous_id  uuid NOT NULL,
    user_id       uuid NOT NULL,
    occurred_at   timestamptz NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, anonymous_id, user_id)
);
CREATE INDEX claims_by_user ON variance_data.claims (user_id, anonymous_id);

-- Alias calls. An id is null where the value identifies nobody.
CREATE TABLE variance_data.aliases (
    workspace_id   bigint NOT NULL,
    connection_id  text COLLATE "C" NOT NULL,
    message_id     text COLLATE "C" NOT NULL,
    occurred_at    timestamptz NOT NULL,
    previous_value text NOT NULL,
    user_value     text NOT NULL,
    previous_id    uuid,
    user_id        uuid,
    is_withdrawn   boolean NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, message_id)
);
CREATE INDEX aliases_by_previous ON variance_data.aliases (previous_id, user_id);
CREATE INDEX aliases_by_user ON variance_data.aliases (user_id, previous_id);

-- A set of identities, materialised. Its id is that of one of its members, so an id that was ever shown is found
-- among the identities for good.
CREATE TABLE variance_data.contacts (
    workspace_id  bigint NOT NULL,
    id            uuid NOT NULL,
    external_id   text,
    email         text,
    traits        jsonb NOT NULL,
    account_id    uuid,
    first_seen_at timestamptz,
    last_seen_at  timestamptz,
    PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 80);
CREATE INDEX contacts_by_email ON variance_data.contacts (lower(left(email, 200)));
-- An account's people, those with an external id first.
CREATE INDEX contacts_by_account ON variance_data.contacts (
    account_id, (CASE WHEN external_id IS NULL THEN 1 ELSE 0 END), workspace_id, id
);

-- `is_own`: a connection's own method made it, so that it stands even while nobody belongs to it; an account of the
-- e-mail fallback is shown only while a contact is in it. `traits` is as in identities.
CREATE TABLE variance_data.accounts (
    workspace_id  bigint NOT NULL,
    id            uuid NOT NULL,
    source        text NOT NULL,
    key           text NOT NULL,
    is_own        boolean NOT NULL,
    traits        jsonb NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
) WITH (fillfactor = 80);

-- Messages whose link an operator withdrew: they still count in every other way. `is_claim`: the link claims an
-- anonymous visitor, perhaps besides an alias.
CREATE TABLE variance_data.withdrawals (
    workspace_id  bigint NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    is_claim      boolean NOT NULL,
    withdrawn_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, message_id)
);

-- What Engage said of an identity's or an account's place in an audience, at each time.
CREATE TABLE variance_data.audience_signals (
    workspace_id  bigint NOT NULL,
    subject_id    uuid NOT NULL,
    is_account    boolean NOT NULL,
    audience      text NOT NULL,
    occurred_at   timestamptz NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    is_member     boolean NOT NULL,
    PRIMARY KEY (workspace_id, subject_id, connection_id, message_id)
);

-- That an identity was deleted: what it said until then is suppressed. The id is a hash of the userId.
CREATE TABLE variance_data.tombstones (
    workspace_id bigint NOT NULL,
    identity_id  uuid NOT NULL,
    deleted_at   timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, identity_id)
);

CREATE TABLE variance_data.suppressions (
    workspace_id  bigint NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    suppressed_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, message_id)
);

CREATE TABLE variance_data.dead_letters (
    workspace_id  bigint NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    id            bigserial,
    reason        text NOT NULL,
    detail        text NOT NULL,
    body          text NOT NULL,
    received_at   timestamptz NOT NULL,
    died_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, message_id)
);

CREATE INDEX dead_letters_by_id ON variance_data.dead_letters (id);

-- Messages that came again under the same messageId with another content; the first one counts.
CREATE TABLE variance_data.conflicts (
    workspace_id  bigint NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    message_id    text COLLATE "C" NOT NULL,
    times         bigint NOT NULL,
    last_at       timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, connection_id, message_id)
);

-- What became of the messages of each partition; `accepted` counts only what did not come through the queue
-- (partition -1). `settled_entries` are the stream entries of the last commit, which may not be removed yet.
CREATE TABLE variance_data.ledger (
    partition       integer PRIMARY KEY,
    accepted        bigint NOT NULL DEFAULT 0,
    applied         bigint NOT NULL DEFAULT 0,
    duplicate       bigint NOT NULL DEFAULT 0,
    suppressed      bigint NOT NULL DEFAULT 0,
    dead            bigint NOT NULL DEFAULT 0,
    settled_entries text[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);

CREATE FUNCTION variance_data.plain_traits(stamped jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(
        (SELECT jsonb_object_agg(key, value -> 3) FROM jsonb_each(stamped) WHERE value -> 3 <> 'null'::jsonb), '{}'
    );

CREATE FUNCTION variance_data.stamp_at(stamp jsonb) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN '1970-01-01T00:00:00Z'::timestamptz + (stamp ->> 0)::bigint * '1 microsecond'::interval;

CREATE VIEW variance.contacts AS
    SELECT w.name AS workspace, c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at
    FROM variance_data.contacts c
    JOIN variance_data.workspaces w ON w.id = c.workspace_id;

CREATE VIEW variance.accounts AS
    SELECT
        w.name AS workspace, a.id, a.key,
        coalesce(a.traits -> 'name' ->> 3, a.key) AS name,
        a.source,
        CASE WHEN a.source = 'group' THEN variance_data.plain_traits(a.traits) ELSE '{}' END AS traits,
        a.first_seen_at, a.last_seen_at
    FROM variance_data.accounts a
    JOIN variance_data.workspaces w ON w.id = a.workspace_id
    WHERE a.is_own OR EXISTS (
        SELECT FROM variance_data.contacts c WHERE c.workspace_id = a.workspace_id AND c.account_id = a.id
    );

CREATE VIEW variance.events AS
    SELECT
        w.name AS workspace, n.name AS connection, m.message_id,
        CASE m.type WHEN 'track' THEN 'action' ELSE m.type END AS type,
        CASE m.type WHEN 'track' THEN m.body ->> 'event' ELSE m.body ->> 'name' END AS name,
        i.contact_id,
        coalesce(m.account_id, c.account_id) AS account_id,
        coalesce(nullif(m.body -> 'properties', 'null'), '{}') AS properties,
        coalesce(nullif(m.body -> 'context', 'null'), '{}') AS context,
        m.occurred_at, m.received_at
    FROM variance_data.messages m
    JOIN variance_data.workspaces w ON w.id = m.workspace_id
    JOIN variance_data.connections n ON n.id = m.connection_id
    LEFT JOIN variance_data.identities i ON i.workspace_id = m.workspace_id AND i.id = m.sender_id
    LEFT JOIN variance_data.contacts c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id
    WHERE m.type IN ('page', 'screen', 'track');

CREATE VIEW variance.identities AS
    SELECT
        w.name AS workspace, i.value,
        CASE WHEN i.is_anonymous AND NOT i.is_user THEN 'anonymous' ELSE 'user' END AS kind,
        i.contact_id
    FROM variance_data.identities i
    JOIN variance_data.workspaces w ON w.id = i.workspace_id;

CREATE VIEW variance.merges AS
    SELECT
        w.name AS workspace, a.previous_value AS previous_id, a.user_value AS user_id, a.message_id, a.occurred_at,
        CASE
            WHEN a.previous_id IS NULL OR a.user_id IS NULL OR a.is_withdrawn THEN 'refused'
            WHEN a.previous_id = a.user_id THEN 'recorded'
            WHEN p.contact_id <> u.contact_id THEN 'refused'
            WHEN k.previous_known AND k.user_known THEN 'merged'
            WHEN k.previous_known THEN 'renamed'
            ELSE 'recorded'
        END AS outcome,
        CASE
            WHEN a.is_withdrawn THEN 'the link was withdrawn'
            WHEN a.previous_id IS NULL THEN 'the previousId identifies nobody'
            WHEN a.user_id IS NULL THEN 'the userId identifies nobody'
            WHEN a.previous_id = a.user_id THEN 'the previousId is the userId'
            WHEN p.is_quarantined OR u.is_quarantined THEN 'an id of the two is quarantined'
            WHEN p.contact_id <> u.contact_id THEN 'the anonymous visitor was claimed for another user earlier'
            WHEN k.previous_known AND k.user_known THEN 'both were known'
            WHEN k.previous_known THEN 'only the previousId was known'
            WHEN k.user_known THEN 'only the userId was known'
            ELSE 'neither was known'
        END AS reason
    FROM variance_data.aliases a
    JOIN variance_data.workspaces w ON w.id = a.workspace_id
    LEFT JOIN variance_data.identities p ON p.workspace_id = a.workspace_id AND p.id = a.previous_id
    LEFT JOIN variance_data.identities u ON u.workspace_id = a.workspace_id AND u.id = a.user_id
    CROSS JOIN LATERAL (
        SELECT
            -- Seen by then in another message; SDKs give the same millisecond to several.
            coalesce(variance_data.stamp_at(p.first_seen) <= a.occurred_at
                AND (p.first_seen ->> 1, p.first_seen ->> 2) <> (a.message_id, a.connection_id), false) AS previous_known,
            coalesce(variance_data.stamp_at(u.first_seen) <= a.occurred_at
                AND (u.first_seen ->> 1, u.first_seen ->> 2) <> (a.message_id, a.connection_id), false) AS user_known
    ) k
    UNION ALL
    SELECT
        w.name, p.value, u.value, l.message_id, l.occurred_at, 'refused',
        CASE
            WHEN p.is_quarantined OR u.is_quarantined THEN 'an id of the two is quarantined'
            WHEN p.is_user THEN 'the anonymousId is itself a userId'
            ELSE 'the anonymous visitor was claimed for another user earlier'
        END
    FROM variance_data.claims l
    JOIN variance_data.workspaces w ON w.id = l.workspace_id
    JOIN variance_data.identities p ON p.workspace_id = l.workspace_id AND p.id = l.anonymous_id
    JOIN variance_data.identities u ON u.workspace_id = l.workspace_id AND u.id = l.user_id
    WHERE p.contact_id <> u.contact_id AND NOT EXISTS (
        SELECT FROM variance_data.aliases a
        WHERE a.workspace_id = l.workspace_id AND a.connection_id = l.connection_id AND a.message_id = l.message_id
            AND a.previous_id = l.anonymous_id AND a.user_id = l.user_id
    )
    UNION ALL
    SELECT
        w.name, m.body ->> 'anonymousId', m.body ->> 'userId', x.message_id,
        least(m.occurred_at, m.received_at + interval '1 day'), 'refused', 'the link was withdrawn'
    FROM variance_data.withdrawals x
    JOIN variance_data.workspaces w ON w.id = x.workspace_id
    JOIN variance_data.messages m
        ON m.workspace_id = x.workspace_id AND m.connection_id = x.connection_id AND m.message_id = x.message_id
    WHERE x.is_claim AND (m.type <> 'alias' OR m.body ->> 'previousId' IS DISTINCT FROM m.body ->> 'anonymousId');

-- Ids that messages link with more others than `most_links`: a constant that some program sends in place of an id.
CREATE VIEW variance.quarantine AS
    SELECT
        w.name AS workspace, i.value,
        CASE WHEN i.is_anonymous AND NOT i.is_user THEN 'anonymous' ELSE 'user' END AS kind,
        i.contact_id
    FROM variance_data.identities i
    JOIN variance_data.workspaces w ON w.id = i.workspace_id
    WHERE i.is_quarantined;

-- One row for each stay in an account, by the evidence of the contact's best rule.
CREATE VIEW variance.account_memberships AS
    WITH evidence AS (
        SELECT
            m.workspace_id, i.contact_id, m.account_id, m.message_id, m.connection_id,
            least(m.occurred_at, m.received_at + interval '1 day') AS occurred_at,
            a.rank, min(a.rank) OVER (PARTITION BY m.workspace_id, i.contact_id) AS best_rank
        FROM variance_data.messages m
        JOIN variance_data.identities i ON i.workspace_id = m.workspace_id AND i.id = m.sender_id
        JOIN (
            SELECT workspace_id, id, CASE source WHEN 'group' THEN 1 WHEN 'traits' THEN 2 ELSE 3 END AS rank
            FROM variance_data.accounts
        ) a ON a.workspace_id = m.workspace_id AND a.id = m.account_id
        WHERE m.type IN ('identify', 'group')
    ), changes AS (
        SELECT *, lag(account_id) OVER stays IS DISTINCT FROM account_id AS is_change
        FROM evidence
        WHERE rank = best_rank
        WINDOW stays AS (PARTITION BY workspace_id, contact_id ORDER BY occurred_at, message_id, connection_id)
    )
    SELECT
        w.name AS workspace, c.contact_id, c.account_id, c.occurred_at AS since,
        lead(c.occurred_at) OVER (
            PARTITION BY c.workspace_id, c.contact_id ORDER BY c.occurred_at, c.message_id, c.connection_id
        ) AS until
    FROM changes c
    JOIN variance_data.workspaces w ON w.id = c.workspace_id
    WHERE c.is_change;

-- One row for each stay in an audience. Signals that repeat the state change nothing: only the changes count.
CREATE VIEW variance.audience_memberships AS
    WITH signals AS (
        SELECT
            s.workspace_id, s.audience, i.contact_id,
            CASE WHEN s.is_account THEN s.subject_id END AS account_id,
            s.occurred_at, s.message_id, s.connection_id, s.is_member
        FROM variance_data.audience_signals s
        LEFT JOIN variance_data.identities i
            ON i.workspace_id = s.workspace_id AND i.id = s.subject_id AND NOT s.is_account
        WHERE s.is_account OR i.id IS NOT NULL
    ), changes AS (
        SELECT *, lag(is_member) OVER stays IS DISTINCT FROM is_member AS is_change
        FROM signals
        WINDOW stays AS (
            PARTITION BY workspace_id, audience, contact_id, account_id
            ORDER BY occurred_at, message_id, connection_id
        )
    ), stays AS (
        SELECT
            *,
            lead(occurred_at) OVER subject AS next_at,
            lag(is_member) OVER subject AS was_member
        FROM changes
        WHERE is_change
        WINDOW subject AS (
            PARTITION BY workspace_id, audience, contact_id, account_id
            ORDER BY occurred_at, message_id, connection_id
        )
    )
    SELECT
        w.name AS workspace, s.audience, s.contact_id, s.account_id,
        s.is_member AND s.next_at IS NULL AS is_member,
        CASE WHEN s.is_member THEN s.occurred_at END AS entered_at,
        CASE WHEN s.is_member THEN s.next_at ELSE s.occurred_at END AS exited_at
    FROM stays s
    JOIN variance_data.workspaces w ON w.id = s.workspace_id
    WHERE s.is_member OR s.was_member IS NULL;

CREATE VIEW variance.conflicts AS
    SELECT w.name AS workspace, n.name AS connection, c.message_id, c.times, c.last_at
    FROM variance_data.conflicts c
    JOIN variance_data.workspaces w ON w.id = c.workspace_id
    JOIN variance_data.connections n ON n.id = c.connection_id;

CREATE VIEW variance.dead_letters AS
    SELECT
        w.name AS workspace, n.name AS connection, d.message_id, d.reason, d.detail, d.body, d.received_at, d.died_at
    FROM variance_data.dead_letters d
    LEFT JOIN variance_data.workspaces w ON w.id = d.workspace_id
    LEFT JOIN variance_data.connections n ON n.id = d.connection_id;

-- migrate: rollback
DROP SCHEMA variance CASCADE;
DROP SCHEMA variance_data CASCADE;
