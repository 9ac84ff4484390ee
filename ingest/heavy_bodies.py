"""Heavy bodies are inflated, parsed and judged one after the other: each takes many times its size in memory."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.answers import RefusalError

HEAVY_BYTES = 256 * 1024

_MOST_OF_A_SENDER = 4
"""Heavy bodies of one sender that wait for their turn: more of them would only keep others from theirs."""


class HeavyBodies:
    """Gives each heavy body its turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, sender: str) -> AsyncIterator[None]:
        """Wait for the turn, and have it for the block. Raises RefusalError for a sender with too many."""
        if self._waiting[sender] >= _MOST_OF_A_SENDER:
            message = "Too many large bodies of this connection are under way at once"
            raise RefusalError(429, "too_much_at_once", message, retry_after_seconds=1)
        self._waiting[sender] += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting[sender] -= 1
            if not self._waiting[sender]:
                del self._waiting[sender]
