-- Finds what became of the messages with an id, in each connection.
-- $1 the message's key, $2 connection's name or null.
SELECT
    n.name AS connection, w.name AS workspace, 'applied' AS outcome, m.type, m.occurred_at, m.received_at,
    i.contact_id, NULL::timestamptz AS settled_at, NULL::bigint AS dead_letter_id, NULL AS reason, NULL AS detail,
    c.times AS conflicts, c.last_at AS last_conflict_at
FROM variance_data.connections n
JOIN variance_data.workspaces w ON w.id = n.workspace_id
JOIN variance_data.messages m
    ON m.workspace_id = n.workspace_id AND m.connection_id = n.id AND m.message_id = $1
        AND variance_data.message_digest(m.connection_id, m.message_id) = variance_data.message_digest(n.id, $1)
LEFT JOIN variance_data.identities i ON i.workspace_id = m.workspace_id AND i.id = m.sender_id
LEFT JOIN variance_data.conflicts c
    ON c.workspace_id = m.workspace_id AND c.connection_id = m.connection_id AND c.message_id = m.message_id
WHERE $2::text IS NULL OR n.name = $2
UNION ALL
SELECT
    n.name, w.name, 'suppressed', NULL, NULL, NULL, NULL, s.suppressed_at, NULL, s.reason,
    CASE s.reason
        WHEN 'deleted' THEN 'The person was deleted after saying this.'
        ELSE 'It is older than the events that the workspace keeps, so that it may be a repeat of one that was trimmed.'
    END, NULL, NULL
FROM variance_data.connections n
JOIN variance_data.workspaces w ON w.id = n.workspace_id
JOIN variance_data.suppressions s ON s.workspace_id = n.workspace_id AND s.connection_id = n.id AND s.message_id = $1
WHERE $2::text IS NULL OR n.name = $2
UNION ALL
SELECT
    n.name, w.name, 'dead', NULL, NULL, d.received_at, NULL, d.died_at, d.id, d.reason, d.detail, NULL, NULL
FROM variance_data.dead_letters d
LEFT JOIN variance_data.connections n ON n.id = d.connection_id
LEFT JOIN variance_data.workspaces w ON w.id = d.workspace_id
WHERE d.message_id = $1 AND ($2::text IS NULL OR n.name = $2)
UNION ALL
SELECT
    n.name, w.name, 'discarded', NULL, NULL, NULL, NULL, k.discarded_at, NULL,
    k.reason, 'It was a dead letter, and somebody threw it away.', NULL, NULL
FROM variance_data.discards k
LEFT JOIN variance_data.connections n ON n.id = k.connection_id
LEFT JOIN variance_data.workspaces w ON w.id = k.workspace_id
WHERE k.message_id = $1 AND ($2::text IS NULL OR n.name = $2)
ORDER BY 2, 1, 3
