"""What came of the demo, read from the views that any user may read."""

from typing import Any, TypeAlias

from worker.store.database import connect, from_jsonb

ROWS = 12
"""Rows read of each kind."""

Row: TypeAlias = dict[str, Any]

# $1 workspace, $2 rows. Rows are ranked within each kind, so that some of a rare one are shown too; `total`
# counts all that there are.
ACCOUNTS_SQL = """
    WITH ranked AS (
        SELECT a.name, a.key, a.source, count(c.id) AS contacts, a.last_seen_at,
               row_number() OVER (PARTITION BY a.source ORDER BY count(c.id) DESC, a.key) AS rank,
               count(*) OVER () AS total
        FROM variance.accounts a
        LEFT JOIN variance.contacts c ON c.workspace = a.workspace AND c.account_id = a.id
        WHERE a.workspace = $1
        GROUP BY a.id, a.name, a.key, a.source, a.last_seen_at
    )
    SELECT name, key, source, contacts, last_seen_at, total
    FROM (SELECT * FROM ranked ORDER BY rank, source LIMIT $2) shown
    ORDER BY source, rank
"""
CONTACTS_SQL = """
    WITH ranked AS (
        SELECT c.external_id, c.email, a.name AS account, i.identities, c.traits, c.last_seen_at, a.source,
               row_number() OVER (
                   PARTITION BY a.source ORDER BY i.identities DESC, c.last_seen_at DESC, c.id
               ) AS rank,
               count(*) OVER () AS total
        FROM variance.contacts c
        LEFT JOIN variance.accounts a ON a.workspace = c.workspace AND a.id = c.account_id
        JOIN (
            SELECT contact_id, count(*) AS identities
            FROM variance.identities WHERE workspace = $1 GROUP BY contact_id
        ) i ON i.contact_id = c.id
        WHERE c.workspace = $1
    )
    SELECT external_id, email, account, identities, traits, last_seen_at, total
    FROM (SELECT * FROM ranked ORDER BY rank, source LIMIT $2) shown
    ORDER BY source, rank
"""
EVENTS_SQL = """
    WITH latest AS (
        SELECT *, count(*) OVER () AS total
        FROM variance.events WHERE workspace = $1 ORDER BY occurred_at DESC, message_id LIMIT $2
    )
    SELECT e.occurred_at, e.type, coalesce(e.name, e.properties ->> 'path') AS name,
           coalesce(c.external_id, c.email, 'anonymous') AS contact, a.name AS account, e.connection, e.total
    FROM latest e
    LEFT JOIN variance.contacts c ON c.workspace = e.workspace AND c.id = e.contact_id
    LEFT JOIN variance.accounts a ON a.workspace = e.workspace AND a.id = e.account_id
    ORDER BY e.occurred_at DESC, e.message_id
"""
MEMBERSHIPS_SQL = """
    WITH ranked AS (
        SELECT *,
               row_number() OVER (PARTITION BY audience, is_member ORDER BY entered_at, contact_id) AS rank,
               count(*) OVER () AS total
        FROM variance.audience_memberships WHERE workspace = $1
    )
    SELECT m.audience, coalesce(c.email, c.external_id, a.name) AS member, m.is_member, m.entered_at,
           m.exited_at, m.total
    FROM (SELECT * FROM ranked ORDER BY rank, audience, is_member LIMIT $2) m
    LEFT JOIN variance.contacts c ON c.workspace = m.workspace AND c.id = m.contact_id
    LEFT JOIN variance.accounts a ON a.workspace = m.workspace AND a.id = m.account_id
    ORDER BY m.audience, m.is_member DESC, m.rank
"""
MERGES_SQL = """
    WITH ranked AS (
        SELECT *,
               row_number() OVER (PARTITION BY outcome ORDER BY occurred_at DESC, message_id) AS rank,
               count(*) OVER () AS total
        FROM variance.merges WHERE workspace = $1
    )
    SELECT previous_id, user_id, outcome, reason, occurred_at, total
    FROM (SELECT * FROM ranked ORDER BY rank, outcome LIMIT $2) shown
    ORDER BY outcome, rank
"""
DEAD_LETTERS_SQL = """
    SELECT reason, count(*) AS messages, min(detail) AS example, max(died_at) AS last_died_at,
           count(*) OVER () AS total
    FROM variance.dead_letters WHERE workspace = $1
    GROUP BY reason ORDER BY messages DESC, reason LIMIT $2
"""

QUERIES = {
    "accounts": ACCOUNTS_SQL,
    "contacts": CONTACTS_SQL,
    "events": EVENTS_SQL,
    "audience_memberships": MEMBERSHIPS_SQL,
    "merges": MERGES_SQL,
    "dead_letters": DEAD_LETTERS_SQL,
}


async def read_results(database_url: str, workspace: str) -> dict[str, list[Row]]:
    """Read at most ROWS rows of each kind; in each row, `total` is how many rows of its kind there are.

    Raises OSError or asyncpg's errors where the database is out of reach.
    """
    # One snapshot, so that the tables agree with each other while messages go on arriving.
    async with (
        connect(database_url) as database,
        database.transaction(isolation="repeatable_read", readonly=True),
    ):
        results = {
            kind: [dict(row) for row in await database.fetch(query, workspace, ROWS)]
            for kind, query in QUERIES.items()
        }
    for contact in results["contacts"]:
        contact["traits"] = from_jsonb(contact["traits"])
    return results
