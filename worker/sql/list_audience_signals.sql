-- Lists what was said of identities' or accounts' places in audiences, the first first.
-- $1 workspace, $2 identities or accounts, $3 whether they are accounts.
SELECT s.audience, s.is_member, s.occurred_at
FROM variance_data.audience_signals s
WHERE s.workspace_id = $1 AND s.subject_id = ANY($2::uuid[]) AND s.is_account = $3
ORDER BY s.audience, s.occurred_at, s.message_id, s.connection_id
