"""Publishing that comes to nothing though all servers are there: somebody else is at it for too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.waiting import eventually
from worker.store.locks import PUBLISH_LOCK, await_lock

_CANCEL = """
SELECT count(pg_cancel_backend(l.pid)) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()
"""


@asynccontextmanager
async def publishing_held(database_url: str) -> AsyncIterator[None]:
    """Hold the lock, and have the first who waits for it give up, as its own bound would after a while."""
    database = await asyncpg.connect(database_url)
    try:
        async with database.transaction():
            await await_lock(database, PUBLISH_LOCK)

            async def has_given_up() -> bool:
                return bool(await database.fetchval(_CANCEL))

            giving_up = asyncio.create_task(eventually(has_given_up, "somebody to wait for publishing"))
            yield
            await giving_up
    finally:
        await database.close()
