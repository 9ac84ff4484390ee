"""The message log, and what is suppressed from it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from asyncpg import Record

from schemas.timestamps import FUTURE_BOUND, counted_at
from worker.fold.facts import Facts, LoggedMessage
from worker.fold.stamp import Stamp
from worker.sql import statement
from worker.store.database import Database, to_jsonb

MessageKey = tuple[str, str]
"""A connection's id and a message's key."""

SuppressionReason = Literal["deleted", "expired"]
"""Its sender was deleted after saying it; it is older than the events that its workspace keeps."""


async def insert_messages(database: Database, workspace_id: int, batch: Sequence[Facts]) -> set[MessageKey]:
    """Log messages; give the keys of those that were not in the log before."""
    ordered = sorted(batch, key=lambda facts: facts.message.key)
    logged = await database.fetch(
        statement("insert_messages"),
        workspace_id,
        to_jsonb([_row(facts) for facts in ordered]),
        # In valid JSON a line break stands between two words only, where it means no more than a space.
        "\n".join([facts.message.text.replace("\n", " ") for facts in ordered]),
    )
    return keys_of(logged)


def keys_of(rows: Iterable[Record]) -> set[MessageKey]:
    """Give the keys of messages that a statement gave."""
    return {(row["connection_id"], row["message_id"]) for row in rows}


def _row(facts: Facts) -> dict[str, Any]:
    message = facts.message
    return {
        "connection_id": message.stamp.connection_id,
        "message_id": message.stamp.message_key,
        "type": message.type,
        "occurred_at": message.occurred_at,
        "received_at": message.received_at,
        "sender_id": facts.sender.id if facts.sender else None,
        "account_id": facts.account_id,
    }


async def upsert_conflicts(
    database: Database, workspace_id: int, repeated: Sequence[LoggedMessage], now: datetime
) -> None:
    """Count the repeated messages whose content is another than that of the first."""
    await database.execute(
        statement("upsert_conflicts"),
        workspace_id,
        [message.stamp.connection_id for message in repeated],
        [message.stamp.message_key for message in repeated],
        [message.text for message in repeated],
        now,
    )


async def read_messages(
    database: Database, workspace_id: int, senders: Sequence[UUID], keys: Iterable[MessageKey]
) -> list[LoggedMessage]:
    """Read what identities sent, and the messages with these keys."""
    wanted = sorted(keys)
    rows = await database.fetch(
        statement("read_messages"), workspace_id, senders, [key[0] for key in wanted], [key[1] for key in wanted]
    )
    return [logged_message(workspace_id, row) for row in rows]


def logged_message(workspace_id: int, row: Record) -> LoggedMessage:
    """Read a row of the message log."""
    counted = counted_at(row["occurred_at"], row["received_at"])
    return LoggedMessage(
        workspace_id=workspace_id,
        stamp=Stamp.of(counted, row["message_id"], row["connection_id"]),
        counted_at=counted,
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
        type=row["type"],
        text=row["body"],
    )


async def read_claiming_messages(
    database: Database, workspace_id: int, user: UUID, anonymous_value: str
) -> list[LoggedMessage]:
    """Read the messages with both ids whose links were not withdrawn."""
    rows = await database.fetch(statement("read_claiming_messages"), workspace_id, user, anonymous_value)
    return [logged_message(workspace_id, row) for row in rows]


async def read_withdrawals(database: Database, workspace_id: int) -> set[MessageKey]:
    """Give the keys of a workspace's messages whose links were withdrawn."""
    rows = await database.fetch(statement("read_withdrawals"), workspace_id)
    return keys_of(rows)


async def read_all_withdrawals(database: Database) -> set[tuple[int, MessageKey]]:
    """Give workspace and key of each message whose link was withdrawn."""
    rows = await database.fetch(statement("read_all_withdrawals"))
    return {(row["workspace_id"], (row["connection_id"], row["message_id"])) for row in rows}


async def delete_messages(
    database: Database, workspace_id: int, senders: Sequence[UUID], until: datetime, now: datetime
) -> int:
    """Remove what identities sent until a moment, to be suppressed from now on; give how many messages that were."""
    received_until = until - FUTURE_BOUND
    count: int = await database.fetchval(
        statement("delete_messages"), workspace_id, senders, until, received_until, now
    )
    return count


async def has_tombstones(database: Database, workspace_id: int) -> bool:
    """Tell whether anybody in a workspace was deleted."""
    is_any: bool = await database.fetchval(statement("has_tombstones"), workspace_id)
    return is_any


async def find_tombstones(database: Database, workspace_id: int, ids: Iterable[UUID]) -> Mapping[UUID, datetime]:
    """Give when each of these identities was deleted, for those that were."""
    if not await has_tombstones(database, workspace_id):
        return {}
    rows = await database.fetch(statement("find_tombstones"), workspace_id, list(ids))
    return {row["identity_id"]: row["deleted_at"] for row in rows}


async def upsert_tombstones(database: Database, workspace_id: int, ids: Iterable[UUID], deleted_at: datetime) -> None:
    """Remember that identities were deleted."""
    await database.execute(statement("upsert_tombstones"), workspace_id, sorted(ids), deleted_at)


async def sum_tombstones(database: Database, workspace_id: int | None) -> tuple[int, Decimal]:
    """Give what differs before and after anybody was forgotten, of a workspace or of all (None)."""
    (row,) = await database.fetch(statement("sum_tombstones"), workspace_id)
    return row["tombstones"], row["moments"]


async def insert_suppressions(
    database: Database, workspace_id: int, keys: Iterable[MessageKey], now: datetime, reason: SuppressionReason
) -> set[MessageKey]:
    """Remember suppressed messages; give the keys of those that were not suppressed before."""
    wanted = sorted(keys)
    rows = await database.fetch(
        statement("insert_suppressions"),
        workspace_id,
        [key[0] for key in wanted],
        [key[1] for key in wanted],
        now,
        reason,
    )
    return keys_of(rows)


async def find_suppressions(database: Database, workspace_id: int, keys: Iterable[MessageKey]) -> set[MessageKey]:
    """Give which of these messages are suppressed."""
    wanted = sorted(keys)
    rows = await database.fetch(
        statement("find_suppressions"), workspace_id, [key[0] for key in wanted], [key[1] for key in wanted]
    )
    return keys_of(rows)


async def count_messages(database: Database, workspace_id: int | None) -> int:
    """Count the messages in the log, of a workspace or of all (None)."""
    count: int = await database.fetchval(statement("count_messages"), workspace_id)
    return count
