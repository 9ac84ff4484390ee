-- Moves on when contacts were last seen.
-- $1 workspace, $2 contacts, $3 when.
UPDATE variance_data.contacts c
SET last_seen_at = n.last_seen_at
FROM unnest($2::uuid[], $3::timestamptz[]) AS n (id, last_seen_at)
WHERE c.workspace_id = $1 AND c.id = n.id AND c.last_seen_at < n.last_seen_at
