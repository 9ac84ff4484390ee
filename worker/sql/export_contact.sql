-- Reads what the views show of a contact, as one document. Column by column: on Citus a whole row loses their names.
-- $1 workspace's name, $2 contact.
SELECT jsonb_build_object(
    'contact', (
        SELECT jsonb_build_object(
            'workspace', c.workspace, 'id', c.id, 'external_id', c.external_id, 'email', c.email, 'traits', c.traits,
            'account_id', c.account_id, 'first_seen_at', c.first_seen_at, 'last_seen_at', c.last_seen_at
        )
        FROM variance.contacts c WHERE c.workspace = $1 AND c.id = $2
    ),
    'account', (
        SELECT jsonb_build_object(
            'workspace', a.workspace, 'id', a.id, 'key', a.key, 'name', a.name, 'source', a.source, 'traits', a.traits,
            'first_seen_at', a.first_seen_at, 'last_seen_at', a.last_seen_at
        )
        FROM variance.accounts a
        WHERE a.workspace = $1
            AND a.id = (SELECT c.account_id FROM variance.contacts c WHERE c.workspace = $1 AND c.id = $2)
    ),
    'identities', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'workspace', i.workspace, 'value', i.value, 'kind', i.kind, 'contact_id', i.contact_id
        ) ORDER BY i.kind DESC, i.value), '[]')
        FROM variance.identities i WHERE i.workspace = $1 AND i.contact_id = $2
    ),
    'merges', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'workspace', m.workspace, 'previous_id', m.previous_id, 'user_id', m.user_id, 'message_id', m.message_id,
            'occurred_at', m.occurred_at, 'outcome', m.outcome, 'reason', m.reason
        ) ORDER BY m.occurred_at, m.message_id), '[]')
        FROM variance.merges m
        WHERE m.workspace = $1 AND ARRAY[m.previous_id, m.user_id] && ARRAY(
            SELECT i.value FROM variance.identities i WHERE i.workspace = $1 AND i.contact_id = $2
        )
    ),
    'account_memberships', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'workspace', s.workspace, 'contact_id', s.contact_id, 'account_id', s.account_id, 'since', s.since,
            'until', s.until, 'account_key', s.account_key, 'account_source', s.account_source
        ) ORDER BY s.since), '[]')
        FROM variance.account_memberships s WHERE s.workspace = $1 AND s.contact_id = $2
    ),
    'audience_memberships', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'workspace', s.workspace, 'audience', s.audience, 'contact_id', s.contact_id, 'account_id', s.account_id,
            'is_member', s.is_member, 'entered_at', s.entered_at, 'exited_at', s.exited_at
        ) ORDER BY s.audience, s.entered_at), '[]')
        FROM variance.audience_memberships s WHERE s.workspace = $1 AND s.contact_id = $2
    )
)
