-- Moves on when contacts were last seen. No join, and seconds: as in move_identities_on.
-- $1 workspace, $2 contacts, $3 when each was seen, in seconds since 1970.
UPDATE variance_data.contacts c
SET last_seen_at = to_timestamp(($3::jsonb -> c.id::text)::double precision)
WHERE c.workspace_id = $1 AND c.id = ANY($2::uuid[])
    AND c.last_seen_at < to_timestamp(($3::jsonb -> c.id::text)::double precision)
