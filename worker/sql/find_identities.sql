-- Finds identities' contacts, roles and times, without locking.
-- $1 workspace, $2 identities.
SELECT
    i.id, i.contact_id, i.is_user, i.is_anonymous, (i.first_seen -> 0)::bigint AS first_seen_at_microseconds,
    i.last_seen_at
FROM variance_data.identities i
WHERE i.workspace_id = $1 AND i.id = ANY($2::uuid[])
