-- Writes to the message log what is not there yet, and tells what was new.
-- $1 workspace, then one array a column.
INSERT INTO variance_data.messages AS m (
    workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, account_id, body
)
SELECT $1::bigint, n.*
FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::uuid[], $8::uuid[], $9::jsonb[]
) AS n
ON CONFLICT DO NOTHING
RETURNING m.connection_id, m.message_id
