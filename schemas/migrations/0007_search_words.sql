-- The words by which people are looked for, in a table of their own, which the console brings up to date.
-- depends: 0006_retention

-- migrate: apply
-- As indexes of contacts and accounts they cost a drain a quarter of Postgres' time: each changed trait entered every
-- word anew. A row may lag behind what is known, but has no words of a contact's that somebody was taken out of since.
CREATE TABLE variance_data.search_words (
    workspace_id bigint NOT NULL,
    subject_id   uuid NOT NULL,
    is_account   boolean NOT NULL,
    words        tsvector NOT NULL,
    PRIMARY KEY (workspace_id, subject_id)
);

-- Contacts or accounts whose words have to be read again: each drain adds one row for all that it changed, so that
-- nobody waits here for anybody.
CREATE TABLE variance_data.stale_words (
    workspace_id bigint NOT NULL,
    position     bigserial,
    is_account   boolean NOT NULL,
    subject_ids  uuid[] NOT NULL,
    PRIMARY KEY (workspace_id, position)
);
CREATE INDEX stale_words_by_position ON variance_data.stale_words (position);

INSERT INTO variance_data.search_words (workspace_id, subject_id, is_account, words)
SELECT c.workspace_id, c.id, false, variance_data.words(c.external_id, c.email, c.traits)
FROM variance_data.contacts c
WHERE c.external_id IS NOT NULL OR c.email IS NOT NULL OR c.traits <> '{}'
ON CONFLICT DO NOTHING;
INSERT INTO variance_data.search_words (workspace_id, subject_id, is_account, words)
SELECT a.workspace_id, a.id, true, variance_data.words(a.key, NULL, variance_data.plain_traits(a.traits))
FROM variance_data.accounts a
ON CONFLICT DO NOTHING;

-- And once more when the first console of this version is there, which comes after the workers: what those of the
-- version before change until then, they tell nobody.
INSERT INTO variance_data.stale_words (workspace_id, is_account, subject_ids)
SELECT w.workspace_id, w.is_account, array_agg(w.subject_id)
FROM variance_data.search_words w
GROUP BY w.workspace_id, w.is_account, left(w.subject_id::text, 3)
ON CONFLICT DO NOTHING;

-- What waits in an index' list is put into it by whoever fills the list: a short one keeps nobody for long.
CREATE INDEX search_words_of_contacts ON variance_data.search_words USING gin (words)
    WITH (gin_pending_list_limit = 256) WHERE NOT is_account;
CREATE INDEX search_words_of_accounts ON variance_data.search_words USING gin (words)
    WITH (gin_pending_list_limit = 256) WHERE is_account;

-- In the order in which a drain comes to the two.
DROP INDEX variance_data.contacts_by_words;
DROP INDEX variance_data.accounts_by_words;

-- migrate: rollback
CREATE INDEX contacts_by_words ON variance_data.contacts USING gin (variance_data.words(external_id, email, traits));
CREATE INDEX accounts_by_words
    ON variance_data.accounts USING gin (variance_data.words(key, NULL, variance_data.plain_traits(traits)));
DROP TABLE variance_data.stale_words;
DROP TABLE variance_data.search_words;
