-- Finds who may gain or lose an identity when these enter or leave quarantine: all that are linked with them, and whoever
-- else bids for one of those.
-- $1 workspace, $2 identities.
WITH partners AS MATERIALIZED (
    SELECT l.anonymous_id AS id FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.user_id = ANY($2::uuid[])
    UNION
    SELECT l.user_id FROM variance_data.claims l WHERE l.workspace_id = $1 AND l.anonymous_id = ANY($2::uuid[])
    UNION
    SELECT a.previous_id FROM variance_data.aliases a WHERE a.workspace_id = $1 AND a.user_id = ANY($2::uuid[])
    UNION
    SELECT a.user_id FROM variance_data.aliases a WHERE a.workspace_id = $1 AND a.previous_id = ANY($2::uuid[])
)
SELECT p.id FROM partners p WHERE p.id IS NOT NULL
UNION
SELECT l.user_id FROM partners p JOIN variance_data.claims l ON l.workspace_id = $1 AND l.anonymous_id = p.id
UNION
SELECT a.user_id FROM partners p JOIN variance_data.aliases a ON a.workspace_id = $1 AND a.previous_id = p.id
WHERE a.user_id IS NOT NULL
