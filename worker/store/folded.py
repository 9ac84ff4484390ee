"""How the scratch tables differ from what people see, and making the two the same. One workspace, or all (None)."""

from typing import Any

from worker.store.database import Database
from worker.store.scratch import FOLDED_TABLES, REAL, SCRATCH


async def count_differences(database: Database, workspace_id: int | None) -> dict[str, int]:
    """Count the rows of each folded table that are missing, superfluous or different."""
    return {
        table: await database.fetchval(differences_statement(table, key), workspace_id)
        for table, key in FOLDED_TABLES.items()
    } | {"messages": await database.fetchval(MOVED_MESSAGES, workspace_id)}


async def take_over(database: Database, workspace_id: int | None) -> None:
    """Make the tables that people see the same as the scratch ones, touching only rows that differ."""
    await _mark_words(database, workspace_id)
    for table, key in FOLDED_TABLES.items():
        columns = [row[0] for row in await database.fetch(COLUMNS, table)]
        await database.execute(removal_statement(table, key), workspace_id)
        await database.execute(upsert_statement(table, key, columns), workspace_id)
    await database.execute(MOVE_MESSAGES, workspace_id)


async def _mark_words(database: Database, workspace_id: int | None) -> None:
    """Have the words of what differs read again; those of contacts go at once, as where a drain changes their members.

    Nobody may write them again before this transaction ends, so whoever does locks contacts.
    """
    await database.execute('LOCK TABLE "variance_data".contacts IN EXCLUSIVE MODE')
    await database.execute(MARK_CONTACTS, workspace_id)
    await database.execute(MARK_ACCOUNTS, workspace_id)
    await database.execute(REMOVE_WORDS, workspace_id)


async def moved_contacts(database: Database, workspace_id: int | None, most: int) -> list[dict[str, Any]]:
    """Give examples of contacts whose name or account would change."""
    return [dict(row) for row in await database.fetch(MOVED_CONTACTS, workspace_id, most)]


async def count_moved_contacts(database: Database, workspace_id: int | None) -> int:
    """Count the contacts whose account would change."""
    count: int = await database.fetchval(COUNT_MOVED_CONTACTS, workspace_id)
    return count


COLUMNS = """
SELECT a.attname FROM pg_attribute a
WHERE a.attrelid = ('variance_scratch.' || $1::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""


def _marking_statement(table: str, name: str, is_account: str) -> str:
    """Say of whom words are read again: a row has those whose ids begin alike. `name` is the column beside traits."""
    return f"""
        INSERT INTO "variance_data".stale_words (workspace_id, is_account, subject_ids)
        SELECT d.workspace_id, {is_account}, array_agg(d.id)
        FROM (
            SELECT s.workspace_id, s.id
            FROM variance_scratch.{table} s
            LEFT JOIN "variance_data".{table} l ON l.workspace_id = s.workspace_id AND l.id = s.id
            WHERE ($1::bigint IS NULL OR s.workspace_id = $1)
                AND (s.{name}, s.traits) IS DISTINCT FROM (l.{name}, l.traits)
        ) d
        GROUP BY d.workspace_id, left(d.id::text, 3)
        ON CONFLICT DO NOTHING
    """  # noqa: S608 (constants of this module)


MARK_CONTACTS = _marking_statement("contacts", "external_id", "false")
MARK_ACCOUNTS = _marking_statement("accounts", "key", "true")

REMOVE_WORDS = """
DELETE FROM "variance_data".search_words w
WHERE ($1::bigint IS NULL OR w.workspace_id = $1) AND NOT EXISTS (
    SELECT FROM variance_scratch.contacts s
    JOIN "variance_data".contacts l ON l.workspace_id = s.workspace_id AND l.id = s.id
    WHERE s.workspace_id = w.workspace_id AND s.id = w.subject_id
        AND (s.external_id, s.traits) IS NOT DISTINCT FROM (l.external_id, l.traits)
) AND NOT EXISTS (
    SELECT FROM variance_scratch.accounts a WHERE a.workspace_id = w.workspace_id AND a.id = w.subject_id
)
"""

MOVED_MESSAGES = """
SELECT count(*) FROM variance_scratch.message_accounts s WHERE $1::bigint IS NULL OR s.workspace_id = $1
"""

MOVE_MESSAGES = """
UPDATE "variance_data".messages m SET account_id = s.account_id
FROM variance_scratch.message_accounts s
WHERE m.workspace_id = s.workspace_id AND m.connection_id = s.connection_id AND m.message_id = s.message_id
    AND variance_data.message_digest(m.connection_id, m.message_id)
        = variance_data.message_digest(s.connection_id, s.message_id)
    AND ($1::bigint IS NULL OR m.workspace_id = $1)
"""

COUNT_MOVED_CONTACTS = """
SELECT count(*)
FROM variance_scratch.identities si
JOIN variance_scratch.contacts s ON s.workspace_id = si.workspace_id AND s.id = si.contact_id
JOIN "variance_data".contacts l ON l.workspace_id = si.workspace_id AND l.id = si.id
WHERE ($1::bigint IS NULL OR l.workspace_id = $1) AND l.account_id IS DISTINCT FROM s.account_id
"""

MOVED_CONTACTS = """
SELECT
    l.id::text AS contact_id, l.external_id, la.key AS account, la.source,
    sa.key AS new_account, sa.source AS new_source
FROM variance_scratch.identities si
JOIN variance_scratch.contacts s ON s.workspace_id = si.workspace_id AND s.id = si.contact_id
JOIN "variance_data".contacts l ON l.workspace_id = si.workspace_id AND l.id = si.id
LEFT JOIN "variance_data".accounts la ON la.workspace_id = l.workspace_id AND la.id = l.account_id
LEFT JOIN variance_scratch.accounts sa ON sa.workspace_id = s.workspace_id AND sa.id = s.account_id
WHERE ($1::bigint IS NULL OR l.workspace_id = $1) AND l.account_id IS DISTINCT FROM s.account_id
ORDER BY l.external_id NULLS LAST, l.id
LIMIT $2
"""


def differences_statement(table: str, key: tuple[str, ...]) -> str:
    """Count rows that are in one set only, or differ."""
    return f"""
SELECT count(*)
FROM (SELECT * FROM {REAL}.{table} WHERE $1::bigint IS NULL OR workspace_id = $1) l
FULL JOIN (SELECT * FROM {SCRATCH}.{table} WHERE $1::bigint IS NULL OR workspace_id = $1) s USING ({", ".join(key)})
WHERE l IS DISTINCT FROM s
"""  # noqa: S608 (names of our own tables)


def removal_statement(table: str, key: tuple[str, ...]) -> str:
    """Remove what is not in the scratch table."""
    same = " AND ".join(f"s.{column} = l.{column}" for column in key)
    return f"""
DELETE FROM {REAL}.{table} l
WHERE ($1::bigint IS NULL OR l.workspace_id = $1) AND NOT EXISTS (SELECT FROM {SCRATCH}.{table} s WHERE {same})
"""  # noqa: S608 (names of our own tables)


def upsert_statement(table: str, key: tuple[str, ...], columns: list[str]) -> str:
    """Insert or change what differs from the scratch table."""
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
    differs = " OR ".join(f"l.{column} IS DISTINCT FROM excluded.{column}" for column in columns if column not in key)
    return f"""
INSERT INTO {REAL}.{table} AS l ({", ".join(columns)})
SELECT {", ".join(columns)} FROM {SCRATCH}.{table} WHERE $1::bigint IS NULL OR workspace_id = $1
ON CONFLICT ({", ".join(key)}) DO UPDATE SET {changes} WHERE {differs}
"""  # noqa: S608 (names of our own tables)
