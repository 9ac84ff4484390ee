-- Reads what the views show of a contact, as one document.
-- $1 workspace's name, $2 contact.
SELECT jsonb_build_object(
    'contact', (SELECT to_jsonb(c) FROM variance.contacts c WHERE c.workspace = $1 AND c.id = $2),
    'account', (
        SELECT to_jsonb(a)
        FROM variance.accounts a
        WHERE a.workspace = $1
            AND a.id = (SELECT c.account_id FROM variance.contacts c WHERE c.workspace = $1 AND c.id = $2)
    ),
    'identities', (
        SELECT coalesce(jsonb_agg(to_jsonb(i) ORDER BY i.kind DESC, i.value), '[]')
        FROM variance.identities i WHERE i.workspace = $1 AND i.contact_id = $2
    ),
    'merges', (
        SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.occurred_at, m.message_id), '[]')
        FROM variance.merges m
        WHERE m.workspace = $1 AND ARRAY[m.previous_id, m.user_id] && ARRAY(
            SELECT i.value FROM variance.identities i WHERE i.workspace = $1 AND i.contact_id = $2
        )
    ),
    'account_memberships', (
        SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.since), '[]')
        FROM variance.account_memberships s WHERE s.workspace = $1 AND s.contact_id = $2
    ),
    'audience_memberships', (
        SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.audience, s.entered_at), '[]')
        FROM variance.audience_memberships s WHERE s.workspace = $1 AND s.contact_id = $2
    )
)
