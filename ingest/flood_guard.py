"""When one connection's posts stand before all others', the one is told to wait instead of the others.

While nobody floods, nothing is counted: it is looked now and then what is on its way to Redis. The posts of who
floods go aiohttp's way, where they are counted.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from ingest.answers import RefusalError

_LOOK_SECONDS = 0.1
_FLOOD_POSTS = 32
_FLOOD_LOOKS = 3
"""So many posts of one connection under way, at so many looks in a row, are a flood if others send as well."""

_OTHERS_SECONDS = 2.0
"""For how long a connection counts among the others after its last post that was seen."""

_HELD_BACK_SECONDS = 10.0
"""How long a connection is held back after the last sign of a flood, or all would be back at once."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class FloodGuard:
    """Finds the connections that flood, and lets each of them have `most_at_once` posts under way."""

    def __init__(self, posts_under_way: Callable[[], Counter[str]], most_at_once: int) -> None:
        self.flooding: dict[str, float] = {}
        """The connections that are held back, and until when."""
        self._posts_under_way = posts_under_way
        self._most_at_once = most_at_once
        self._counted: Counter[str] = Counter()
        self._seen_at: dict[str, float] = {}
        self._looks: Counter[str] = Counter()
        self._is_closed = asyncio.Event()

    @contextmanager
    def post(self, poster: str) -> Iterator[None]:
        """Count a post while it is under way. Raises RefusalError where its poster floods and has too many."""
        if poster in self.flooding and self._counted[poster] >= self._most_at_once:
            self.flooding[poster] = time.monotonic() + _HELD_BACK_SECONDS
            message = "This connection sends so much that others would have to wait"
            raise RefusalError(429, "too_much_at_once", message, retry_after_seconds=1)
        self._counted[poster] += 1
        try:
            yield
        finally:
            self._counted[poster] -= 1
            if not self._counted[poster]:
                del self._counted[poster]

    async def watch(self) -> None:
        """Look who floods, until `close`."""
        while not self._is_closed.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._is_closed.wait()
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Find who floods and who does no more. `now` is the time of the monotonic clock, in seconds."""
        under_way = self._posts_under_way()
        self._seen_at = {poster: at for poster, at in self._seen_at.items() if now - at < _OTHERS_SECONDS}
        self._seen_at.update(dict.fromkeys(under_way, now))
        many = {poster for poster, posts in under_way.items() if posts >= _FLOOD_POSTS and len(self._seen_at) > 1}
        self._looks = Counter({poster: self._looks[poster] + 1 for poster in many})
        for poster, until in list(self.flooding.items()):
            if until < now:
                del self.flooding[poster]
                _log.info("flood_over", connection_id=poster)
        for poster, looks in self._looks.items():
            if looks >= _FLOOD_LOOKS and poster not in self.flooding:
                self.flooding[poster] = now + _HELD_BACK_SECONDS
                _log.warning("flood", connection_id=poster, posts_under_way=under_way[poster])

    def close(self) -> None:
        """Let `watch` return."""
        self._is_closed.set()
