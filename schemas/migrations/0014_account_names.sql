-- An account whose trait `name` is no name is called by its key.
-- depends: 0013_aliases_in_between

-- migrate: apply
-- What an account is called: its trait `name` where that is a number, or a text that is not blank; otherwise its key.
CREATE OR REPLACE FUNCTION variance_data.account_name(traits jsonb, key text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN jsonb_typeof(traits -> 'name' -> 3) IN ('string', 'number')
            -- Which characters \s stands for beyond ASCII is the locale's to say; blank is what it is in Python.
            AND (traits -> 'name' ->> 3)
                ~ '[^\s\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
        THEN traits -> 'name' ->> 3
        ELSE key
    END;

CREATE OR REPLACE VIEW variance.accounts AS
    SELECT
        w.name AS workspace, a.id, a.key,
        variance_data.account_name(a.traits, a.key) AS name,
        a.source,
        CASE WHEN a.source = 'group' THEN variance_data.plain_traits(a.traits) ELSE '{}' END AS traits,
        a.first_seen_at, a.last_seen_at
    FROM variance_data.accounts a
    JOIN variance_data.workspaces w ON w.id = a.workspace_id
    WHERE a.is_own OR EXISTS (
        SELECT FROM variance_data.contacts c WHERE c.workspace_id = a.workspace_id AND c.account_id = a.id
    );

-- migrate: rollback
-- The view may stay, and with it the function that it calls: it has the columns that it had.
SELECT 1;
