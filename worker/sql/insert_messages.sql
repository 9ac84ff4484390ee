-- Writes to the message log what is not there yet, and tells what was new.
-- $1 workspace, $2 rows, $3 their bodies, a line each, which spares Postgres half of what it has to do with them.
INSERT INTO variance_data.messages AS m (
    workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, account_id, body
)
SELECT
    $1::bigint, n.connection_id, n.message_id, n.type, n.occurred_at, n.received_at, n.sender_id, n.account_id,
    n.body::jsonb
FROM ROWS FROM (
    jsonb_to_recordset($2::jsonb) AS (
        connection_id text, message_id text, type text, occurred_at timestamptz, received_at timestamptz,
        sender_id uuid, account_id uuid
    ),
    unnest(string_to_array($3::text, E'\n'))
) AS n (connection_id, message_id, type, occurred_at, received_at, sender_id, account_id, body)
ON CONFLICT DO NOTHING
RETURNING m.connection_id, m.message_id
