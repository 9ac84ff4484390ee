-- Writes to the message log what is not there yet, and tells what was new.
-- $1 workspace, $2 rows.
INSERT INTO variance_data.messages AS m (
    workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, account_id, body
)
SELECT $1::bigint, n.*
FROM jsonb_to_recordset($2::jsonb) AS n (
    connection_id text, message_id text, type text, occurred_at timestamptz, received_at timestamptz, sender_id uuid,
    account_id uuid, body jsonb
)
ON CONFLICT DO NOTHING
RETURNING m.connection_id, m.message_id
