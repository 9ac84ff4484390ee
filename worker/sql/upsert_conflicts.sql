-- Counts the repeated messages whose content is another than the log's; what a retry or a replay changes is no content.
-- $1 workspace, $2 connections, $3 messageIds, $4 bodies, $5 when.
INSERT INTO variance_data.conflicts AS c (workspace_id, connection_id, message_id, times, last_at)
SELECT $1::bigint, n.connection_id, n.message_id, count(*), $5::timestamptz
FROM unnest($2::text[], $3::text[], $4::jsonb[]) AS n (connection_id, message_id, body)
JOIN variance_data.messages m
    ON m.workspace_id = $1 AND m.connection_id = n.connection_id AND m.message_id = n.message_id
        AND variance_data.message_digest(m.connection_id, m.message_id)
            = variance_data.message_digest(n.connection_id, n.message_id)
WHERE m.type <> 'delete'
    AND m.body - '{sentAt,receivedAt,integrations,_metadata}'::text[]
    <> n.body - '{sentAt,receivedAt,integrations,_metadata}'::text[]
GROUP BY n.connection_id, n.message_id
ORDER BY n.connection_id, n.message_id
ON CONFLICT (workspace_id, connection_id, message_id) DO UPDATE SET
    times = c.times + excluded.times,
    last_at = excluded.last_at
