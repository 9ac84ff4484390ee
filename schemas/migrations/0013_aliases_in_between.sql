-- An alias repeats an earlier one only where none came in between that renamed the same id otherwise, or directly back.
-- depends: 0012_unheard_accounts

-- migrate: apply
-- By time, so that the view reads one row for each alias, also where an id has thousands of them.
CREATE INDEX aliases_by_time ON variance_data.aliases (
    previous_id, occurred_at, message_id, connection_id, workspace_id
);

CREATE OR REPLACE VIEW variance.merges AS
    SELECT
        w.name AS workspace, a.previous_value AS previous_id, a.user_value AS user_id, a.message_id, a.occurred_at,
        CASE
            WHEN a.previous_id IS NULL OR a.user_id IS NULL OR a.is_withdrawn THEN 'refused'
            WHEN a.previous_id = a.user_id THEN 'recorded'
            WHEN p.contact_id <> u.contact_id THEN 'refused'
            WHEN e.workspace_id IS NOT NULL AND r.workspace_id IS NULL THEN 'recorded'
            WHEN k.previous_known AND k.user_known THEN 'merged'
            WHEN k.previous_known THEN 'renamed'
            ELSE 'recorded'
        END AS outcome,
        CASE
            WHEN a.is_withdrawn THEN 'the link was withdrawn'
            WHEN a.previous_id IS NULL THEN 'the previousId identifies nobody'
            WHEN a.user_id IS NULL THEN 'the userId identifies nobody'
            WHEN a.previous_id = a.user_id THEN 'the previousId is the userId'
            WHEN p.is_quarantined OR u.is_quarantined THEN 'an id of the two is quarantined'
            WHEN p.contact_id <> u.contact_id THEN 'the anonymous visitor was claimed for another user earlier'
            WHEN e.workspace_id IS NOT NULL AND r.workspace_id IS NULL THEN 'an earlier alias says the same'
            WHEN k.previous_known AND k.user_known THEN 'both were known'
            WHEN k.previous_known THEN 'only the previousId was known'
            WHEN k.user_known THEN 'only the userId was known'
            ELSE 'neither was known'
        END AS reason
    FROM variance_data.aliases a
    JOIN variance_data.workspaces w ON w.id = a.workspace_id
    LEFT JOIN variance_data.identities p ON p.workspace_id = a.workspace_id AND p.id = a.previous_id
    LEFT JOIN variance_data.identities u ON u.workspace_id = a.workspace_id AND u.id = a.user_id
    CROSS JOIN LATERAL (
        SELECT
            -- Seen by then in another message; SDKs give the same millisecond to several.
            coalesce(variance_data.stamp_at(p.first_seen) <= a.occurred_at
                AND (p.first_seen ->> 1, p.first_seen ->> 2) <> (a.message_id, a.connection_id), false) AS previous_known,
            coalesce(variance_data.stamp_at(u.first_seen) <= a.occurred_at
                AND (u.first_seen ->> 1, u.first_seen ->> 2) <> (a.message_id, a.connection_id), false) AS user_known
    ) k
    -- The latest alias before that renamed the same id, where it says the same. IS NOT DISTINCT FROM, here and below, is
    -- an equality that no index is used for: the one by time is to be, and a contact's ids are not to be read for each.
    LEFT JOIN LATERAL (
        SELECT e.workspace_id, e.user_id, e.occurred_at, e.message_id, e.connection_id
        FROM variance_data.aliases e
        JOIN variance_data.identities i ON i.workspace_id = e.workspace_id AND i.id = e.user_id
        WHERE e.workspace_id = a.workspace_id AND e.previous_id = a.previous_id AND e.user_id <> a.previous_id
            AND NOT e.is_withdrawn AND i.contact_id IS NOT DISTINCT FROM p.contact_id
            -- A refused one repeats none, and is not to look through all that were refused before it.
            AND u.contact_id = p.contact_id
            AND (e.occurred_at, e.message_id, e.connection_id) < (a.occurred_at, a.message_id, a.connection_id)
        ORDER BY e.occurred_at DESC, e.message_id DESC, e.connection_id DESC
        LIMIT 1
    ) e ON e.user_id = a.user_id
    -- One that went the other way since then.
    LEFT JOIN LATERAL (
        SELECT r.workspace_id
        FROM variance_data.aliases r
        WHERE r.workspace_id = a.workspace_id AND r.previous_id = a.user_id
            AND r.user_id IS NOT DISTINCT FROM a.previous_id AND NOT r.is_withdrawn
            AND (r.occurred_at, r.message_id, r.connection_id) < (a.occurred_at, a.message_id, a.connection_id)
            AND (r.occurred_at, r.message_id, r.connection_id) > (e.occurred_at, e.message_id, e.connection_id)
        ORDER BY r.occurred_at DESC, r.message_id DESC, r.connection_id DESC
        LIMIT 1
    ) r ON true
    UNION ALL
    SELECT
        w.name, p.value, u.value, l.message_id, l.occurred_at, 'refused',
        CASE
            WHEN p.is_quarantined OR u.is_quarantined THEN 'an id of the two is quarantined'
            WHEN p.is_user THEN 'the anonymousId is itself a userId'
            ELSE 'the anonymous visitor was claimed for another user earlier'
        END
    FROM variance_data.claims l
    JOIN variance_data.workspaces w ON w.id = l.workspace_id
    JOIN variance_data.identities p ON p.workspace_id = l.workspace_id AND p.id = l.anonymous_id
    JOIN variance_data.identities u ON u.workspace_id = l.workspace_id AND u.id = l.user_id
    WHERE p.contact_id <> u.contact_id AND NOT EXISTS (
        SELECT FROM variance_data.aliases a
        WHERE a.workspace_id = l.workspace_id AND a.connection_id = l.connection_id AND a.message_id = l.message_id
            AND a.previous_id = l.anonymous_id AND a.user_id = l.user_id
    )
    UNION ALL
    SELECT
        w.name, m.body ->> 'anonymousId', m.body ->> 'userId', x.message_id,
        least(m.occurred_at, m.received_at + interval '1 day'), 'refused', 'the link was withdrawn'
    FROM variance_data.withdrawals x
    JOIN variance_data.workspaces w ON w.id = x.workspace_id
    JOIN variance_data.messages m
        ON m.workspace_id = x.workspace_id AND m.connection_id = x.connection_id AND m.message_id = x.message_id
            AND variance_data.message_digest(m.connection_id, m.message_id)
                = variance_data.message_digest(x.connection_id, x.message_id)
    WHERE x.is_claim AND (m.type <> 'alias' OR m.body ->> 'previousId' IS DISTINCT FROM m.body ->> 'anonymousId');

-- migrate: rollback
-- The view may stay: it has the columns that it had.
DROP INDEX variance_data.aliases_by_time;
