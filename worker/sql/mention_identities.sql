-- Writes who names identities, after messages that named them went.
-- $1 workspace, then one array a column.
UPDATE variance_data.identities i
SET first_seen = n.first_seen, is_anonymous = n.is_anonymous
FROM unnest($2::uuid[], $3::jsonb[], $4::boolean[]) AS n (id, first_seen, is_anonymous)
WHERE i.workspace_id = $1 AND i.id = n.id
