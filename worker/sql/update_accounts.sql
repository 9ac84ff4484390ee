-- Writes accounts that changed.
-- $1 workspace, then one array a column.
UPDATE variance_data.accounts a
SET is_own = n.is_own, traits = n.traits, first_seen_at = n.first_seen_at, last_seen_at = n.last_seen_at
FROM unnest($2::uuid[], $3::boolean[], $4::jsonb[], $5::timestamptz[], $6::timestamptz[])
    AS n (id, is_own, traits, first_seen_at, last_seen_at)
WHERE a.workspace_id = $1 AND a.id = n.id
