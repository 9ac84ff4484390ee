-- Reads a message of the log, what its sender belongs to now, and the account that it names.
-- $1 connection's id or name, $2 messageId.
SELECT
    m.workspace_id, w.name AS workspace, m.connection_id, n.name AS connection, m.message_id, m.type, m.occurred_at,
    m.received_at, m.body, i.id AS identity_id, i.value AS identity, i.contact_id, c.external_id, c.email, c.traits,
    a.id AS account_id, variance_data.account_name(a.traits, a.key) AS account, a.source AS account_source
FROM variance_data.connections n
JOIN variance_data.workspaces w ON w.id = n.workspace_id
JOIN variance_data.messages m
    ON m.workspace_id = n.workspace_id AND m.connection_id = n.id AND m.message_id = $2
        AND variance_data.message_digest(m.connection_id, m.message_id) = variance_data.message_digest(n.id, $2)
LEFT JOIN variance_data.identities i ON i.workspace_id = m.workspace_id AND i.id = m.sender_id
LEFT JOIN variance_data.contacts c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id
LEFT JOIN variance_data.accounts a
    ON a.workspace_id = m.workspace_id
    AND a.id = coalesce(m.account_id, CASE WHEN m.type IN ('page', 'screen', 'track') THEN c.account_id END)
WHERE n.id = $1 OR n.name = $1
ORDER BY n.id = $1 DESC
LIMIT 1
