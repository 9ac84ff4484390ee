"""A lock that is held over several transactions, on a connection of its own.

It is a transaction's lock, in a transaction that stays open: a session's would be lost behind a pooler. The
transaction has read nothing and written nothing, so it keeps nobody from anything else.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from worker.store.database import server_settings
from worker.store.pooler import Opener

_LONGEST_SECONDS = 24 * 3600.0

IsHeld = Callable[[], Awaitable[None]]
"""Raises what is the surroundings' fault where the lock was lost."""


@asynccontextmanager
async def holding(database_url: str, lock: int, *, waits: bool) -> AsyncIterator[IsHeld | None]:
    """Hold a lock. Gives None, where it does not wait, if somebody else has it."""
    settings = server_settings("variance lock", _LONGEST_SECONDS) | {"idle_in_transaction_session_timeout": "0"}
    database = await Opener(settings)(database_url, timeout=10)
    try:
        async with database.transaction():
            if waits:
                await database.execute("SELECT pg_advisory_xact_lock($1::bigint)", lock)
            elif not await database.fetchval("SELECT pg_try_advisory_xact_lock($1::bigint)", lock):
                yield None
                return

            async def is_held() -> None:
                await database.execute("SELECT")

            yield is_held
    finally:
        await database.close(timeout=5)
