"""Heavy bodies are inflated, parsed and judged one after the other: each takes many times its size in memory."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.answers import RefusalError

HEAVY_BYTES = 256 * 1024

_MOST_OF_A_POSTER = 16
"""Heavy bodies of one poster that wait for their turn: more of them would only keep others from theirs."""

_MOST_BAD_OF_A_POSTER = 4
_BAD_SECONDS = 10.0
"""Heavy bodies of one poster of which nothing came, within this time, after which it has no turn for the rest of it."""


class HeavyBodies:
    """Gives each heavy body its turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: Counter[str] = Counter()
        self._bad_at: deque[tuple[str, float]] = deque()

    @asynccontextmanager
    async def turn(self, poster: str) -> AsyncIterator[None]:
        """Wait for the turn, and have it for the block. Raises RefusalError for a poster with too many or bad ones."""
        self._refuse_too_many(poster)
        self._waiting[poster] += 1
        try:
            async with self._turn:
                self._refuse_resting(poster)
                try:
                    yield
                except RefusalError as refusal:
                    if refusal.retry_after_seconds is None:  # where the trouble is ours, it is no bad body
                        self._bad_at.append((poster, time.monotonic()))
                    raise
        finally:
            self._waiting[poster] -= 1
            if not self._waiting[poster]:
                del self._waiting[poster]

    def _refuse_too_many(self, poster: str) -> None:
        if self._waiting[poster] >= _MOST_OF_A_POSTER:
            raise _refusal("Too many large bodies of this sender are under way at once")
        self._refuse_resting(poster)

    def _refuse_resting(self, poster: str) -> None:
        since = time.monotonic() - _BAD_SECONDS
        while self._bad_at and self._bad_at[0][1] < since:
            self._bad_at.popleft()
        if sum(each == poster for each, _ in self._bad_at) >= _MOST_BAD_OF_A_POSTER:
            raise _refusal("This sender's last large bodies were bad ones")


def _refusal(message: str) -> RefusalError:
    return RefusalError(429, "too_much_at_once", message, retry_after_seconds=1)
