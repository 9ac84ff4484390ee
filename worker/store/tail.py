"""The newest end of the message log, and of the dead letters: what arrives while somebody looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from worker.sql import statement
from worker.store.database import Database, from_jsonb


@dataclass(frozen=True, slots=True)
class TailFilter:
    """Which messages are wanted; None stands for all.

    With `senders`, those are wanted that one of them sent, and the one whose id is `message_id`.
    """

    connections: Sequence[str] | None = None
    types: Sequence[str] | None = None
    senders: Sequence[UUID] | None = None
    message_id: str | None = None


async def read_tail_position(database: Database) -> int:
    """Give how far the log's positions have come. What is not committed yet may have lower ones."""
    position: int = await database.fetchval(statement("read_position"))
    return position


async def summarize_positions(database: Database) -> None:
    """Keep reading the tail fast, however long the last vacuum is ago."""
    await database.execute(statement("summarize_positions"))


async def read_tail(
    database: Database, behind: int, up_to: int, wanted: TailFilter, most: int
) -> list[Record]:
    """Read the messages between two positions, the last first."""
    return await database.fetch(
        statement("read_tail"), behind, up_to, wanted.connections, wanted.types, wanted.senders, wanted.message_id, most
    )


async def read_sent(
    database: Database, workspace_ids: Sequence[int], wanted: TailFilter, most: int
) -> list[Record]:
    """Read what the wanted senders sent, however long ago, the last first."""
    rows: list[Record] = []
    for workspace_id in workspace_ids:
        rows += await database.fetch(
            statement("read_sent"), workspace_id, wanted.senders or [], wanted.message_id, wanted.connections,
            wanted.types, most,
        )  # fmt: skip
    return sorted(rows, key=lambda row: row["position"], reverse=True)[:most]


async def read_last_dead_letter(database: Database) -> int:
    """Give the number of the last dead letter."""
    number: int = await database.fetchval(statement("read_last_dead_letter"))
    return number


async def read_refused(database: Database, behind: int, wanted: TailFilter, most: int) -> list[Record]:
    """Read the dead letters behind a number, the last first."""
    return await database.fetch(
        statement("read_refused"), behind, wanted.connections, wanted.message_id, most
    )


async def read_whole_message(database: Database, connection: str, message_key: str) -> Mapping[str, Any] | None:
    """Read one message with all that came of it, by its connection's id or name; None where it is not in the log."""
    row = await database.fetchrow(statement("read_whole_message"), connection, message_key)
    if row is None:
        return None
    return dict(row) | {"body": from_jsonb(row["body"]), "traits": from_jsonb(row["traits"]) or {}}
