-- Says whether an alias is withdrawn.
-- $1 workspace, $2 connection, $3 messageId, $4 whether.
UPDATE variance_data.aliases a SET is_withdrawn = $4
WHERE a.workspace_id = $1 AND a.connection_id = $2 AND a.message_id = $3
