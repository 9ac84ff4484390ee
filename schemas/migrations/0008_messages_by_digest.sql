-- The log's messages by a digest of their keys, ahead of the key's going.
-- depends: 0007_search_words
-- transaction: false

-- migrate: apply
-- Sixteen bytes in place of a connection's and a message's ids, which are three to five times as long: each new message
-- goes to another place of the index than the last one, so the more of it fits into memory, the less a long log costs.
CREATE OR REPLACE FUNCTION variance_data.message_digest(connection_id text, message_id text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    -- The text's bytes: chr(92) is what escapes some of them in that notation.
    RETURN encode(substring(sha256(
        replace(connection_id || ':' || message_id, chr(92), repeat(chr(92), 2))::bytea
    ) FOR 16), 'hex')::uuid;

-- While everybody goes on writing. What an attempt left that was broken off is of no use.
DROP INDEX CONCURRENTLY IF EXISTS variance_data.messages_by_digest;
CREATE UNIQUE INDEX CONCURRENTLY messages_by_digest
    ON variance_data.messages (workspace_id, variance_data.message_digest(connection_id, message_id));
-- Whether a connection has any message, the key told by how it began.
DROP INDEX CONCURRENTLY IF EXISTS variance_data.messages_by_connection;
CREATE INDEX CONCURRENTLY messages_by_connection ON variance_data.messages (connection_id);

-- migrate: rollback
-- The function may stay: a view calls it.
DROP INDEX variance_data.messages_by_connection;
DROP INDEX variance_data.messages_by_digest;
