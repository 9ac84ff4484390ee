"""Reading the log to write it out: with a cursor, so that a log of any length takes the same memory."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import BinaryIO
from uuid import UUID

from worker.exporting.lines import export_line
from worker.store.database import Database
from worker.store.exports import open_log

_CHUNK_MESSAGES = 2000


@asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[None]:
    """Read everything as of one moment, however slowly it is written."""
    async with database.transaction(isolation="repeatable_read", readonly=True):
        # Local: a pooler would give a session's setting to whoever has the connection next.
        await database.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield


async def export_messages(
    database: Database,
    workspace_id: int,
    senders: Iterable[UUID] | None,
    target: BinaryIO,
    on_progress: Callable[[int], None],
) -> int:
    """Write what these identities sent, or all of a workspace (None), a line each; give how many lines.

    Runs inside the caller's transaction, whose moment is the one that is written.
    """
    cursor = await open_log(database, workspace_id, senders)
    lines = 0
    while rows := await cursor.fetch(_CHUNK_MESSAGES):
        target.writelines(export_line(row["connection"], row["body"]) for row in rows)
        lines += len(rows)
        on_progress(lines)
    return lines
