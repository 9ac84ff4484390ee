"""The dead letters, to be looked at, tried again, or thrown away. Each has a number of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg import Record

from worker.sql import statement
from worker.store.database import Database
from worker.store.letters import DeadLetter
from worker.tally import Tally


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters; None stands for any. They died at `since` or later, and before `until`."""

    reason: str | None = None
    connection: str | None = None
    message_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def list_dead_letters(
    database: Database, wanted: Wanted, limit: int | None, *, with_bodies: bool = False
) -> Sequence[dict[str, Any]]:
    """List dead letters, the newest first; None stands for any number. The body is None where it is not asked for."""
    rows = await database.fetch(
        statement("list_dead_letters"),
        wanted.reason,
        wanted.connection,
        wanted.message_key,
        wanted.since,
        wanted.until,
        limit,
        with_bodies,
    )
    return [dict(row) for row in rows]


async def count_recent_deaths(database: Database, since: datetime) -> int:
    """Count the dead letters that died since a moment and are still there."""
    count: int = await database.fetchval(statement("count_recent_deaths"), since)
    return count


async def count_dead_letters(database: Database) -> list[Record]:
    """Count dead letters by reason: reason, letters, last_id."""
    return await database.fetch(statement("count_dead_letters"))


async def list_letters_of_reason(database: Database, reason: str, before: int | None, limit: int) -> list[Record]:
    """List a reason's dead letters without their bodies, the newest first, from before a number on."""
    return await database.fetch(statement("list_letters_of_reason"), reason, before, limit)


async def read_dead_letter(database: Database, letter_id: int) -> dict[str, Any] | None:
    """Read a dead letter with its body; None where there is none."""
    row = await database.fetchrow(statement("read_dead_letter"), letter_id)
    return None if row is None else dict(row)


async def read_last_given_id(database: Database) -> int:
    """Give the highest number that a dead letter ever had; 0 where there never was one."""
    last_id: int = await database.fetchval(statement("read_last_given_id"))
    return last_id


async def delete_dead_letter(database: Database, letter_id: int) -> DeadLetter | None:
    """Take a dead letter away, and give it; None where there is none any more."""
    row = await database.fetchrow(statement("delete_dead_letter"), letter_id)
    return None if row is None else _letter(row)


async def discard_dead_letter(database: Database, letter_id: int, now: datetime) -> DeadLetter | None:
    """Throw a dead letter away for good and keep that it was; None where there is none any more.

    Runs inside the caller's transaction.
    """
    row = await database.fetchrow(statement("delete_dead_letter"), letter_id)
    if row is None:
        return None
    letter = _letter(row)
    await database.execute(
        statement("insert_discard"), row["workspace_id"], letter.connection_id, letter.message_key, letter.reason, now
    )
    return letter


async def find_dead_letter(database: Database, connection_id: str, message_key: str) -> int | None:
    """Give the number of a message's dead letter."""
    id_: int | None = await database.fetchval(statement("find_dead_letter"), connection_id, message_key)
    return id_


async def settle_replay(database: Database, tally: Tally) -> None:
    """Count what became of a dead letter, in place of its death. It was accepted once, and is not again."""
    await database.execute(
        statement("settle_replay"), tally.applied, tally.duplicate, tally.suppressed, tally.dead
    )


def _letter(row: Record) -> DeadLetter:
    return DeadLetter(
        row["connection_id"], row["message_id"], row["reason"], row["detail"], row["body"], row["received_at"]
    )
