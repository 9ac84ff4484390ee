-- Counts who is in an audience and when that changed last, of a bounded number of signals.
-- $1 workspace, $2 audience, $3 of at most how many signals.
SELECT count(*) FILTER (WHERE l.is_member) AS members, max(l.occurred_at) AS last_at,
    coalesce(sum(l.signals), 0)::bigint >= $3 AS is_cut
FROM (
    SELECT (array_agg(s.is_member ORDER BY s.occurred_at DESC, s.message_id DESC, s.connection_id DESC))[1] AS is_member,
        max(s.occurred_at) AS occurred_at, count(*) AS signals
    FROM (
        SELECT * FROM variance_data.audience_signals n
        WHERE n.workspace_id = $1 AND n.audience = $2
        ORDER BY n.subject_id
        LIMIT $3
    ) s
    LEFT JOIN variance_data.identities i ON i.workspace_id = $1 AND i.id = s.subject_id AND NOT s.is_account
    GROUP BY coalesce(i.contact_id, s.subject_id)
) l
