-- Records Alias calls.
-- $1 workspace, then one array a column.
INSERT INTO variance_data.aliases (
    workspace_id, connection_id, message_id, occurred_at, previous_value, user_value, previous_id, user_id,
    is_withdrawn
)
SELECT $1::bigint, n.*
FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::uuid[], $8::uuid[], $9::boolean[]) AS n
ON CONFLICT DO NOTHING
