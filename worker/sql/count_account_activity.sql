-- Counts by day what the people of an account sent lately: of some of them, and of each the last messages, so that the
-- answer comes soon however large the account is.
-- $1 workspace, $2 account, $3 since when, $4 of at most how many identities, $5 at most how many messages of each.
WITH people AS (
    SELECT i.id
    FROM (
        SELECT c.id FROM variance_data.contacts c
        WHERE c.workspace_id = $1 AND c.account_id = $2
        ORDER BY c.account_id, (CASE WHEN c.external_id IS NULL THEN 1 ELSE 0 END), c.workspace_id, c.id
        LIMIT $4
    ) p
    JOIN variance_data.identities i ON i.workspace_id = $1 AND i.contact_id = p.id
    LIMIT $4
)
SELECT date_bin('1 day', m.occurred_at, 'epoch') AS day, count(*) AS messages,
    bool_or(m.is_cut) AS is_cut, (SELECT count(*) FROM people) >= $4 AS has_more_people
FROM people
CROSS JOIN LATERAL (
    SELECT l.occurred_at, row_number() OVER () = $5 AS is_cut
    FROM variance_data.messages l
    WHERE l.workspace_id = $1 AND l.sender_id = people.id AND l.occurred_at >= $3
    ORDER BY l.occurred_at DESC
    LIMIT $5
) m
GROUP BY 1
ORDER BY 1
