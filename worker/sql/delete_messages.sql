-- Removes what identities said until a moment, with what follows from those messages alone; tells how many there were.
-- Their keys stay, as those of suppressed messages: whoever has an id learns what became of it, and a repeat is one.
-- A message counts at its own time, but at most a day after it was received.
-- $1 workspace, $2 identities, $3 moment, $4 a day before it, $5 now.
WITH gone AS (
    DELETE FROM variance_data.messages m
    WHERE m.workspace_id = $1 AND m.sender_id = ANY($2::uuid[]) AND m.type <> 'delete'
        AND (m.occurred_at <= $3 OR m.received_at <= $4)
    RETURNING m.connection_id, m.message_id, m.account_id
), aliases AS (
    DELETE FROM variance_data.aliases a
    USING gone g
    WHERE a.workspace_id = $1 AND a.connection_id = g.connection_id AND a.message_id = g.message_id
), audience_signals AS (
    DELETE FROM variance_data.audience_signals s
    USING gone g
    WHERE s.workspace_id = $1 AND s.subject_id = g.account_id
        AND s.connection_id = g.connection_id AND s.message_id = g.message_id
), suppressions AS (
    INSERT INTO variance_data.suppressions (workspace_id, connection_id, message_id, suppressed_at, reason)
    SELECT $1::bigint, g.connection_id, g.message_id, $5::timestamptz, 'deleted'
    FROM gone g
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM gone
