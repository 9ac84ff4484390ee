-- Lists the accounts of the contacts that sent the last messages of the log, the last first.
-- $1 workspace, $2 behind which position, $3 at most how many.
SELECT a.id, a.key, a.source, variance_data.account_name(a.traits, a.key) AS name, a.first_seen_at, a.last_seen_at
FROM (
    SELECT c.account_id, max(m.last_position) AS last_position
    FROM (
        SELECT l.sender_id, max(l.position) AS last_position
        FROM variance_data.messages l
        WHERE l.position > $2 AND l.workspace_id = $1 AND l.sender_id IS NOT NULL
        GROUP BY l.sender_id
    ) m
    JOIN variance_data.identities i ON i.workspace_id = $1 AND i.id = m.sender_id
    JOIN variance_data.contacts c ON c.workspace_id = $1 AND c.id = i.contact_id
    WHERE c.account_id IS NOT NULL
    GROUP BY c.account_id
    ORDER BY last_position DESC
    LIMIT $3
) r
JOIN variance_data.accounts a ON a.workspace_id = $1 AND a.id = r.account_id
ORDER BY r.last_position DESC
