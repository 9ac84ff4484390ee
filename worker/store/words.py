"""The words by which somebody looks for a contact or an account, brought up to date behind the drains' back.

Whoever changes a contact or an account says so in the same transaction. Its words are read later, and say then what it
is then. Only what is removed is removed at once: no words of a deleted person wait for anything.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from worker.sql import statement
from worker.store.database import Database

MOST_ROWS = 100
"""How many rows of what has to be read again are read at a time."""

_MANY_ROWS = 10_000
"""More than remain of any number of rows when they are merged."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Contacts, or accounts, of a workspace whose words have to be read again, and in which rows it says so."""

    workspace_id: int
    is_account: bool
    subject_ids: Sequence[UUID]
    positions: Sequence[int]


async def mark_contacts(database: Database, workspace_id: int, ids: Collection[UUID]) -> None:
    """Have the words of contacts read again."""
    await database.execute(statement("insert_stale_words"), workspace_id, False, ids)  # noqa: FBT003 (a column's value)


async def mark_accounts(database: Database, workspace_id: int, ids: Collection[UUID]) -> None:
    """Have the words of accounts read again."""
    await database.execute(statement("insert_stale_words"), workspace_id, True, ids)  # noqa: FBT003 (a column's value)


async def remove_words(database: Database, workspace_id: int, contact_ids: Collection[UUID]) -> None:
    """Remove the words of contacts, which are locked: nobody writes them again before the transaction ends."""
    await database.execute(statement("delete_words"), workspace_id, list(contact_ids))


async def read_stale(database: Database) -> list[Stale]:
    """Read whose words have to be read again, not all at once."""
    subjects: dict[tuple[int, bool], set[UUID]] = {}
    positions: dict[tuple[int, bool], list[int]] = {}
    for row in await database.fetch(statement("read_stale_words"), MOST_ROWS):
        key = (row["workspace_id"], row["is_account"])
        subjects.setdefault(key, set()).update(row["subject_ids"])
        positions.setdefault(key, []).append(row["position"])
    return [Stale(*key, sorted(ids), positions[key]) for key, ids in subjects.items()]


async def write_words(database: Database, stale: Stale, subject_ids: Sequence[UUID]) -> set[UUID]:
    """Write the words of some of them as they are now; give those that somebody is changing, for another time.

    What it locks is free again with each statement, so it runs outside of a transaction.
    """
    write = statement("write_account_words") if stale.is_account else statement("write_contact_words")
    rows = await database.fetch(write, stale.workspace_id, subject_ids)
    rest = set(subject_ids) - {row["id"] for row in rows}
    if not rest:
        return rest
    present = await database.fetch(statement("list_present_subjects"), stale.workspace_id, list(rest))
    busy = {row["id"] for row in present}
    await database.execute(statement("delete_gone_words"), stale.workspace_id, list(rest - busy))
    return busy


async def settle_stale(database: Database, stale: Stale, busy: Collection[UUID]) -> None:
    """Forget that these words had to be read again, except for those of whom somebody was in the way."""
    async with database.transaction():
        await database.execute(statement("delete_stale_words"), stale.workspace_id, stale.positions)
        if busy:
            mark = mark_accounts if stale.is_account else mark_contacts
            await mark(database, stale.workspace_id, busy)


async def shorten_stale(database: Database, many_rows: int = _MANY_ROWS) -> None:
    """Where no console reads, keep what has to be read again from growing with more than contacts and accounts."""
    for row in await database.fetch(statement("list_long_stale_words"), many_rows):
        async with database.transaction():
            taken = await database.fetch(statement("take_stale_words"), row["workspace_id"], 2 * many_rows)
            positions = [one["position"] for one in taken]
            await database.execute(statement("merge_stale_words"), row["workspace_id"], positions)
            await database.execute(statement("delete_stale_words"), row["workspace_id"], positions)
