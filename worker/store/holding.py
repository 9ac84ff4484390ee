"""A lock that is held over several transactions, on a connection of its own.

It is a transaction's lock, in a transaction that stays open: a session's would be lost behind a pooler. The
transaction has read nothing and written nothing, so it keeps nobody from anything else.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from asyncpg.transaction import Transaction

from worker.store.database import Database, server_settings
from worker.store.locks import take_lock
from worker.store.pooler import Opener

_LONGEST_SECONDS = 24 * 3600.0
_POLL_SECONDS = 0.1

IsHeld = Callable[[], Awaitable[None]]
"""Raises what is the surroundings' fault where the lock was lost."""


@asynccontextmanager
async def holding(database_url: str, lock: int, waits_seconds: float | None = None) -> AsyncIterator[IsHeld | None]:
    """Hold a lock. Gives None if somebody else has it for longer than this; without a bound it is waited for."""
    settings = server_settings("variance lock", _LONGEST_SECONDS) | {"idle_in_transaction_session_timeout": "0"}
    database = await Opener(settings)(database_url, timeout=10)
    try:
        transaction = await _take(database, lock, waits_seconds)
        if transaction is None:
            yield None
            return

        async def is_held() -> None:
            await database.execute("SELECT")

        try:
            yield is_held
        finally:
            await transaction.rollback()
    finally:
        await database.close(timeout=5)


async def _take(database: Database, lock: int, waits_seconds: float | None) -> Transaction | None:
    """Ask again and again, in a transaction each: an index that is built concurrently waits for who waits in one."""
    began_at = time.monotonic()
    while True:
        transaction = database.transaction()
        await transaction.start()
        if await take_lock(database, lock):
            return transaction
        await transaction.rollback()
        if waits_seconds is not None and time.monotonic() - began_at >= waits_seconds:
            return None
        await asyncio.sleep(_POLL_SECONDS)
