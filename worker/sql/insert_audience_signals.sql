-- Records what Engage said of places in audiences.
-- $1 workspace, then one array a column.
INSERT INTO variance_data.audience_signals (
    workspace_id, subject_id, is_account, audience, occurred_at, message_id, connection_id, is_member
)
SELECT $1::bigint, n.*
FROM unnest(
    $2::uuid[], $3::boolean[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::boolean[]
) AS n
ON CONFLICT DO NOTHING
