-- A stay says which account it was: an account of the e-mail fallback is not shown any more once nobody is in it.
-- depends: 0010_repeated_aliases

-- migrate: apply
CREATE OR REPLACE VIEW variance.account_memberships AS
    WITH evidence AS (
        SELECT
            m.workspace_id, i.contact_id, m.account_id, m.message_id, m.connection_id,
            least(m.occurred_at, m.received_at + interval '1 day') AS occurred_at,
            a.key, a.source, a.rank, min(a.rank) OVER (PARTITION BY m.workspace_id, i.contact_id) AS best_rank
        FROM variance_data.messages m
        JOIN variance_data.identities i ON i.workspace_id = m.workspace_id AND i.id = m.sender_id
        JOIN (
            SELECT workspace_id, id, key, source, CASE source WHEN 'group' THEN 1 WHEN 'traits' THEN 2 ELSE 3 END AS rank
            FROM variance_data.accounts
        ) a ON a.workspace_id = m.workspace_id AND a.id = m.account_id
        WHERE m.type IN ('identify', 'group')
    ), changes AS (
        SELECT *, lag(account_id) OVER stays IS DISTINCT FROM account_id AS is_change
        FROM evidence
        WHERE rank = best_rank
        WINDOW stays AS (PARTITION BY workspace_id, contact_id ORDER BY occurred_at, message_id, connection_id)
    )
    SELECT
        w.name AS workspace, c.contact_id, c.account_id, c.occurred_at AS since,
        lead(c.occurred_at) OVER (
            PARTITION BY c.workspace_id, c.contact_id ORDER BY c.occurred_at, c.message_id, c.connection_id
        ) AS until,
        c.key AS account_key, c.source AS account_source
    FROM changes c
    JOIN variance_data.workspaces w ON w.id = c.workspace_id
    WHERE c.is_change;

-- migrate: rollback
-- The view may stay: it has the columns that it had, and two more.
SELECT 1;
