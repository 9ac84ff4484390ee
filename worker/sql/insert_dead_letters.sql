-- Keeps messages that could not be applied, and tells which were new.
-- $1 workspace, then one array a column, $8 when.
INSERT INTO variance_data.dead_letters AS d (
    workspace_id, connection_id, message_id, reason, detail, body, received_at, died_at
)
SELECT $1::bigint, n.*, $8::timestamptz
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) AS n
ON CONFLICT DO NOTHING
RETURNING d.connection_id, d.message_id
