-- Removes identities' places in audiences.
-- $1 workspace, $2 identities.
DELETE FROM variance_data.audience_signals s
WHERE s.workspace_id = $1 AND s.subject_id = ANY($2::uuid[]) AND NOT s.is_account
