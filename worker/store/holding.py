"""A lock that is held over several transactions, on a connection of its own.

It is a transaction's lock, in a transaction that stays open: a session's would be lost behind a pooler. The
transaction has read nothing and written nothing, so it keeps nobody from anything else.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from worker.store.database import Database, server_settings
from worker.store.pooler import Opener

_LONGEST_SECONDS = 24 * 3600.0

IsHeld = Callable[[], Awaitable[None]]
"""Raises what is the surroundings' fault where the lock was lost."""


@asynccontextmanager
async def holding(database_url: str, lock: int, waits_seconds: float | None = None) -> AsyncIterator[IsHeld | None]:
    """Hold a lock. Gives None if somebody else has it for longer than this; without a bound it is waited for."""
    settings = server_settings("variance lock", _LONGEST_SECONDS) | {"idle_in_transaction_session_timeout": "0"}
    database = await Opener(settings)(database_url, timeout=10)
    try:
        async with database.transaction():
            if not await _take(database, lock, waits_seconds):
                yield None
                return

            async def is_held() -> None:
                await database.execute("SELECT")

            yield is_held
    finally:
        await database.close(timeout=5)


async def _take(database: Database, lock: int, waits_seconds: float | None) -> bool:
    try:
        async with database.transaction():
            if waits_seconds is not None:
                await database.execute(f"SET LOCAL lock_timeout = {int(waits_seconds * 1000)}")
            await database.execute("SELECT pg_advisory_xact_lock($1::bigint)", lock)
    except asyncpg.LockNotAvailableError:
        return False
    return True
