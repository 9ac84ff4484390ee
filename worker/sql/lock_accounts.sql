-- Locks and reads accounts, in the one order that everybody locks them in.
-- $1 workspace, $2 accounts.
SELECT
    a.id, a.source, a.key, a.is_own, a.traits, a.first_seen_at, a.last_seen_at,
    -- A worker of a version that does not know is_heard moves last_seen_at all the same.
    a.is_heard OR a.last_seen_at > a.first_seen_at AS is_heard
FROM variance_data.accounts a
WHERE a.workspace_id = $1 AND a.id = ANY($2::uuid[])
ORDER BY a.id
FOR UPDATE
