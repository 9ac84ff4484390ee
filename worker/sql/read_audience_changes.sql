-- Reads who came into an audience and who went, the first first; signals that repeat the state are no changes. Of a
-- large audience those of some subjects, chosen as if by chance, since their ids are hashes.
-- $1 workspace, $2 audience, $3 of at most how many signals.
WITH signals AS (
    SELECT s.subject_id, s.is_account, s.occurred_at, s.message_id, s.connection_id, s.is_member,
        coalesce(i.contact_id, s.subject_id) AS subject
    FROM (
        SELECT * FROM variance_data.audience_signals l
        WHERE l.workspace_id = $1 AND l.audience = $2
        ORDER BY l.subject_id
        LIMIT $3
    ) s
    LEFT JOIN variance_data.identities i ON i.workspace_id = $1 AND i.id = s.subject_id AND NOT s.is_account
), changes AS (
    SELECT *, lag(is_member) OVER (PARTITION BY subject ORDER BY occurred_at, message_id, connection_id)
        IS DISTINCT FROM is_member AS is_change
    FROM signals
)
SELECT c.subject, c.is_account, c.occurred_at, c.is_member, (SELECT count(*) FROM signals) >= $3 AS is_cut
FROM changes c
WHERE c.is_change
ORDER BY c.occurred_at, c.subject
