-- Writes accounts that changed.
-- $1 workspace, $2 rows.
UPDATE variance_data.accounts a
SET
    is_own = n.is_own, traits = n.traits, first_seen_at = n.first_seen_at, last_seen_at = n.last_seen_at,
    is_heard = n.is_heard
FROM jsonb_to_recordset($2::jsonb) AS n (
    id uuid, is_own boolean, traits jsonb, first_seen_at timestamptz, last_seen_at timestamptz, is_heard boolean
)
WHERE a.workspace_id = $1 AND a.id = n.id
