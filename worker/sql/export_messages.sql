-- Reads messages to write them out; but for deletions, which do not say whom. An Identify call without traits says what
-- is left of a trimmed event.
-- $1 workspace, $2 senders, or null for all.
SELECT n.name AS connection,
    CASE m.type WHEN 'trimmed' THEN m.body || '{"type": "identify"}' ELSE m.body END - '_connection' AS body
FROM variance_data.messages m
JOIN variance_data.connections n ON n.id = m.connection_id
WHERE m.workspace_id = $1 AND m.type <> 'delete' AND ($2::uuid[] IS NULL OR m.sender_id = ANY($2))
