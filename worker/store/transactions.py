"""Transactions that are tried again when the surroundings fail them, on a new connection where the old one is gone."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import asyncpg
import structlog

from worker.failure import is_messages_fault
from worker.store.database import Database, connect

_LOG = structlog.get_logger(__name__)

_PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each further try: soon after a deadlock, and long enough in all for a server's restart."""

_Result = TypeVar("_Result")


class Transactions:
    """One connection to Postgres, and the transactions on it, one at a time."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._database: Database | None = None
        self._stack = AsyncExitStack()

    async def run(self, work: Callable[[Database], Awaitable[_Result]]) -> _Result:
        """Do the work in a transaction, from its beginning again where the surroundings fail it.

        A commit whose answer was lost is done again, too: the work must bear that. Raises the last failure.
        """
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return await self._attempt(work)
            except Exception as failure:
                if is_messages_fault(failure):
                    raise
                if isinstance(failure, asyncpg.InternalClientError) and self._database is not None:
                    self._database.terminate()  # which asyncpg takes for open, and could not use again
                _LOG.warning("transaction will be tried again", failure=type(failure).__name__)
                await asyncio.sleep(pause_seconds * random.uniform(0.5, 1))  # noqa: S311 (keeps two apart)
        return await self._attempt(work)

    async def close(self) -> None:
        """Close the connection."""
        self._database = None
        await self._stack.aclose()

    async def _attempt(self, work: Callable[[Database], Awaitable[_Result]]) -> _Result:
        if self._database is None or self._database.is_closed():
            await self.close()
            self._database = await self._stack.enter_async_context(connect(self._database_url))
        async with self._database.transaction():
            return await work(self._database)
