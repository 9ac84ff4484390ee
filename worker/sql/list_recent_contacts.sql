-- Lists the contacts that sent the last messages of the log, the last first.
-- $1 workspace, $2 behind which position, $3 at most how many.
SELECT c.id, c.external_id, c.email, c.traits, c.account_id, c.first_seen_at, c.last_seen_at,
    variance_data.account_name(a.traits, a.key) AS account
FROM (
    SELECT i.contact_id, max(m.last_position) AS last_position
    FROM (
        SELECT l.sender_id, max(l.position) AS last_position
        FROM variance_data.messages l
        WHERE l.position > $2 AND l.workspace_id = $1 AND l.sender_id IS NOT NULL
        GROUP BY l.sender_id
    ) m
    JOIN variance_data.identities i ON i.workspace_id = $1 AND i.id = m.sender_id
    GROUP BY i.contact_id
    ORDER BY last_position DESC
    LIMIT $3
) r
JOIN variance_data.contacts c ON c.workspace_id = $1 AND c.id = r.contact_id
LEFT JOIN variance_data.accounts a ON a.workspace_id = $1 AND a.id = c.account_id
ORDER BY r.last_position DESC
