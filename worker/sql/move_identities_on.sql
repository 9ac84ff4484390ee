-- Moves on when identities were last seen, of those that belong to these contacts still. No join: of a young table,
-- without statistics, it would read all of the workspace.
-- $1 workspace, $2 identities, $3 the contact of each, $4 when.
UPDATE variance_data.identities i
SET last_seen_at = greatest(i.last_seen_at, ($4::jsonb ->> i.id::text)::timestamptz)
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[]) AND i.contact_id = ($3::jsonb ->> i.id::text)::uuid
