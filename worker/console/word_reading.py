"""Reads the words by which contacts and accounts are found again, of those that changed.

Half of the time it rests, so that a burst has the machine.
"""

import asyncio
from uuid import UUID

import asyncpg

from worker.pause import pause
from worker.store.words import MOST_ROWS, read_stale, settle_stale, write_words

_SUBJECTS = 100
"""Of how many the words are written at a time: a drain that changes one of them waits for as long."""


async def read_words(pool: asyncpg.Pool, stopping: asyncio.Event) -> None:
    """Bring the words of all that changed up to date. Several consoles may do so at once, and be killed at any time."""
    rows = MOST_ROWS
    async with pool.acquire() as database:
        while rows == MOST_ROWS:  # those of whom somebody is in the way wait for the next time
            waiting = await read_stale(database)
            rows = sum(len(stale.positions) for stale in waiting)
            for stale in waiting:
                busy: set[UUID] = set()
                for first in range(0, len(stale.subject_ids), _SUBJECTS):
                    started_at = asyncio.get_running_loop().time()
                    busy |= await write_words(database, stale, stale.subject_ids[first : first + _SUBJECTS])
                    await pause(stopping, asyncio.get_running_loop().time() - started_at)
                    if stopping.is_set():
                        return
                await settle_stale(database, stale, busy)
