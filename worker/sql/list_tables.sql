-- Lists our tables, and whether the rows of each belong to a workspace.
SELECT c.relname AS name, EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
) AS has_workspace
FROM pg_class c
JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'variance_data' AND c.relkind = 'r'
ORDER BY c.relname
