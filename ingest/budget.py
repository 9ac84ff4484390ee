"""How many bytes may be in flight, of bodies that are read and of messages that wait for Redis, and who may have them.

A poster is a connection, or the address of one that is not known yet. It may hold as many bytes as then are still free.
So one alone may hold half of all, two a third each, and there is always some left for whoever comes next: who floods is
told to wait, and nobody else is.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest.answers import RefusalError, unavailable

_RETRY_AFTER_SECONDS = 1


class Budget:
    """Bytes in flight in this process, `max_bytes` at most.

    `queued_by` tells what of them a poster has in the queue's hands. Adding to `used_bytes` is all that the usual post
    costs: while less than half is used, nobody can hold more than is free.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used_bytes = 0
        self.queued_by: Callable[[str], int] = lambda _: 0
        self._held_by: Counter[str] = Counter()

    def check(self, poster: str, size_bytes: int) -> None:
        """Raise RefusalError where a poster may not have so many bytes more: 429 where it has too many already."""
        free_bytes = self.max_bytes - self.used_bytes - size_bytes
        if self.used_bytes + size_bytes <= free_bytes:
            return
        has_bytes = self._held_by.get(poster, 0) + self.queued_by(poster)
        if has_bytes + size_bytes <= free_bytes:
            return
        if has_bytes:
            message = "Too much of this connection is under way at once"
            raise RefusalError(429, "too_much_at_once", message, retry_after_seconds=_RETRY_AFTER_SECONDS, closes=True)
        raise unavailable("Too much is under way at the moment", code="overloaded", closes=True)

    @contextmanager
    def hold(self, poster: str) -> Iterator["Hold"]:
        """Give what a request holds, until it is over."""
        held = Hold(self, poster)
        try:
            yield held
        finally:
            held.give_back()

    def take(self, poster: str, size_bytes: int) -> None:
        """Let a poster have bytes. Raises RefusalError."""
        self.check(poster, size_bytes)
        self.used_bytes += size_bytes
        self._held_by[poster] += size_bytes

    def give_back(self, poster: str, size_bytes: int) -> None:
        """Have bytes free again."""
        self.used_bytes -= size_bytes
        self._held_by[poster] -= size_bytes
        if not self._held_by[poster]:
            del self._held_by[poster]


class Hold:
    """What one request holds."""

    def __init__(self, budget: Budget, poster: str) -> None:
        self._budget = budget
        self._poster = poster
        self._size_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Hold more. Raises RefusalError."""
        self._budget.take(self._poster, size_bytes)
        self._size_bytes += size_bytes

    def give_back(self) -> None:
        """Hold nothing any more."""
        self._budget.give_back(self._poster, self._size_bytes)
        self._size_bytes = 0
