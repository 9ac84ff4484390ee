-- Records what Engage said of places in audiences.
-- $1 workspace, $2 rows.
INSERT INTO variance_data.audience_signals (
    workspace_id, subject_id, is_account, audience, occurred_at, message_id, connection_id, is_member
)
SELECT $1::bigint, n.*
FROM jsonb_to_recordset($2::jsonb) AS n (
    subject_id uuid, is_account boolean, audience text, occurred_at timestamptz, message_id text, connection_id text,
    is_member boolean
)
ON CONFLICT DO NOTHING
