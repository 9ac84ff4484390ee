-- Moves on when identities were last seen, of those that belong to these contacts still.
-- $1 workspace, $2 identities, $3 their contacts, $4 when.
UPDATE variance_data.identities i
SET last_seen_at = greatest(i.last_seen_at, n.last_seen_at)
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) AS n (id, contact_id, last_seen_at)
WHERE i.workspace_id = $1 AND i.id = n.id AND i.contact_id = n.contact_id
