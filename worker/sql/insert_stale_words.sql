-- Has the words of contacts or accounts read again.
-- $1 workspace, $2 whether accounts, $3 which.
INSERT INTO variance_data.stale_words (workspace_id, is_account, subject_ids)
VALUES ($1, $2, $3)
