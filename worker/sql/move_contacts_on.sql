-- Moves on when contacts were last seen. No join: as in move_identities_on.
-- $1 workspace, $2 contacts, $3 when.
UPDATE variance_data.contacts c
SET last_seen_at = ($3::jsonb ->> c.id::text)::timestamptz
WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[]) AND c.last_seen_at < ($3::jsonb ->> c.id::text)::timestamptz
