-- A contact is found by the domain that its e-mail address' host lies in, too.
-- depends: 0014_account_names

-- migrate: apply
-- The words by which somebody looks for a contact or an account. Only the beginning counts, so that no message can be
-- too long to be indexed; an e-mail address counts as its mailbox, its host, and each domain that the host lies in:
-- `acme.co.uk`, which its account is called, finds `jane@mail.acme.co.uk`.
CREATE OR REPLACE FUNCTION variance_data.words(id text, email text, traits jsonb) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('simple'::regconfig,
        left(coalesce(id, ''), 200) || ' ' || replace(left(coalesce(email, ''), 200), '@', ' ') || ' '
        || coalesce((
            SELECT string_agg(array_to_string(h.labels[n:], '.'), ' ')
            FROM string_to_array(split_part(left(email, 200), '@', 2), '.') h (labels)
            CROSS JOIN generate_series(2, cardinality(h.labels) - 1) n
        ), '') || ' '
        || left(coalesce(traits::text, ''), 2000));

-- Whose words are more now: they are read again by the console.
INSERT INTO variance_data.stale_words (workspace_id, is_account, subject_ids)
SELECT c.workspace_id, false, array_agg(c.id)
FROM variance_data.contacts c
WHERE c.email LIKE '%@%.%.%'
GROUP BY c.workspace_id, left(c.id::text, 3)
ON CONFLICT DO NOTHING;

-- migrate: rollback
-- The words may stay: they are those that were there, and some more.
SELECT 1;
