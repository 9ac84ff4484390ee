"""How long workspaces keep their events, and the events that are too old."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from worker.fold.facts import LoggedMessage
from worker.fold.seen import Seen
from worker.fold.stamp import Stamp
from worker.sql import statement
from worker.store.database import Database, from_jsonb
from worker.store.messages import MessageKey, logged_message

LONGEST_KEPT = timedelta(days=36500)
"""What is longer counts as this: a moment so long ago may lie before all that a date can say."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a workspace keeps its events, None for good; what occurred before `trimmed_until` may be gone."""

    workspace_id: int
    workspace: str
    kept: timedelta | None
    trimmed_until: datetime | None
    checked_at: datetime | None


async def set_retention(database: Database, workspace_id: int, kept: timedelta | None) -> None:
    """Say how long a workspace keeps its events; None for good, which brings nothing back."""
    seconds = None if kept is None else int(kept.total_seconds())
    await database.execute(statement("upsert_retention"), workspace_id, seconds)


async def list_retention(database: Database) -> list[Retention]:
    """Give how long each workspace keeps its events."""
    rows = await database.fetch(statement("list_retention"))
    return [
        Retention(
            row["workspace_id"],
            row["workspace"],
            None if row["kept_seconds"] is None else _kept(row["kept_seconds"]),
            row["trimmed_until"],
            row["checked_at"],
        )
        for row in rows
    ]


async def list_due(database: Database, checked_before: datetime) -> list[int]:
    """Give the workspaces that keep their events for a time, and were not gone through since a moment."""
    return [row["workspace_id"] for row in await database.fetch(statement("list_due_retention"), checked_before)]


async def hold_kept(database: Database, workspace_id: int) -> timedelta | None:
    """Give how long a workspace keeps its events, None for good. Nobody changes it before the transaction ends."""
    seconds: int | None = await database.fetchval(statement("hold_kept_seconds"), workspace_id)
    return None if seconds is None else _kept(seconds)


def _kept(seconds: int) -> timedelta:
    return timedelta(seconds=min(seconds, LONGEST_KEPT.total_seconds()))


async def mark_checked(database: Database, workspace_id: int, now: datetime, kept: timedelta) -> bool:
    """Remember that a workspace was gone through. False where it keeps its events for less time than that by now."""
    seconds = int(kept.total_seconds())
    is_marked: bool | None = await database.fetchval(
        statement("update_checked_retention"), workspace_id, now, seconds
    )
    return is_marked is not None


async def advance_trimmed_until(database: Database, workspace_id: int, until: datetime) -> None:
    """Write down what may be trimmed from now on."""
    await database.execute(statement("advance_trimmed_until"), workspace_id, until)


async def read_readers(database: Database) -> list[str]:
    """Give the transactions that have read how long events are kept, and may go on by it."""
    return [row["virtualtransaction"] for row in await database.fetch(statement("read_retention_readers"))]


async def count_transactions(database: Database, transactions: Sequence[str]) -> int:
    """Count those of the transactions that have not ended."""
    count: int = await database.fetchval(statement("count_transactions"), transactions)
    return count


async def list_old_identities(
    database: Database, workspace_id: int, behind: UUID, until: datetime, most: int
) -> list[UUID]:
    """List identities that were seen before a moment, in the order of their ids."""
    rows = await database.fetch(statement("list_old_identities"), workspace_id, behind, until, most)
    return [row["id"] for row in rows]


async def read_old_events(
    database: Database, workspace_id: int, passed: Mapping[UUID | None, int], until: datetime, most: int
) -> list[LoggedMessage]:
    """Read the events of identities, or of nobody (None), from before a moment: the earliest, behind those passed over.

    `passed` has how many to pass over of each. The bodies are reduced to what the fold reads of an event.
    """
    if None in passed:
        rows = await database.fetch(statement("read_old_strays"), workspace_id, until, passed[None], most)
    else:
        rows = await database.fetch(
            statement("read_old_events"), workspace_id, list(passed), list(passed.values()), until, most
        )
    return [logged_message(workspace_id, row) for row in rows]


async def remove_messages(database: Database, workspace_id: int, keys: Sequence[MessageKey]) -> None:
    """Remove messages from the log."""
    if keys:
        await database.execute(
            statement("remove_messages"), workspace_id, [key[0] for key in keys], [key[1] for key in keys]
        )


async def reduce_messages(database: Database, workspace_id: int, messages: Sequence[LoggedMessage]) -> None:
    """Leave of messages what these say."""
    if messages:
        await database.execute(
            statement("reduce_messages"),
            workspace_id,
            [message.stamp.connection_id for message in messages],
            [message.stamp.message_key for message in messages],
            [message.text for message in messages],
        )


async def read_sightings(
    database: Database, workspace_id: int, ids: Iterable[UUID]
) -> dict[UUID, tuple[UUID, Seen]]:
    """Read the contact of each identity, and when it was seen."""
    rows = await database.fetch(statement("read_sightings"), workspace_id, list(ids))
    return {row["id"]: (row["contact_id"], _seen(row)) for row in rows}


def _seen(row: Record) -> Seen:
    first = from_jsonb(row["first_seen"])
    return Seen(
        Stamp(*first) if first else None,
        row["last_seen_at"],
        hides_user=row["hides_user"],
        hides_visitor=row["hides_visitor"],
    )


async def find_claims_of_pairs(
    database: Database, workspace_id: int, pairs: Iterable[tuple[UUID, UUID]]
) -> set[tuple[UUID, UUID, Stamp]]:
    """Find the claims of these visitors by these users."""
    wanted = list(pairs)
    rows = await database.fetch(
        statement("find_claims_of_pairs"), workspace_id, [pair[0] for pair in wanted], [pair[1] for pair in wanted]
    )
    return {
        (row["anonymous_id"], row["user_id"], Stamp.of(row["occurred_at"], row["message_id"], row["connection_id"]))
        for row in rows
    }
