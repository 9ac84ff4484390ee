-- Moves on when identities were last seen, of those that belong to these contacts still. No join: of a young table,
-- without statistics, it would read all of the workspace. Seconds, since Citus takes no reading of a text as a time here.
-- $1 workspace, $2 identities, $3 the contact of each, $4 when each was seen, in seconds since 1970.
UPDATE variance_data.identities i
SET last_seen_at = greatest(i.last_seen_at, to_timestamp(($4::jsonb -> i.id::text)::double precision))
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[]) AND i.contact_id = ($3::jsonb ->> i.id::text)::uuid
