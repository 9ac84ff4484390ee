"""Whose turn it is: which partitions a worker drains next, and which of them make way for the others.

Nothing here reads a clock or a server. Instants are the event loop's time, in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.drain import Drained

BUSY_SECONDS = 0.5
"""How long a partition is left alone that another worker has, or that was woken and not begun yet."""


@dataclass(slots=True)
class Turns:
    """What one worker process drains, what waits, and what it leaves alone for how long.

    `long` are partitions that were not empty when their last turn ended, as they are in one workspace's burst. They
    take turns, and make way for the others, so that a burst makes nobody wait long who lies beside it.
    """

    drains_at_once: int
    lengths: Sequence[int] = ()
    """Entries in each partition, as of the last look."""
    active: set[int] = field(default_factory=set)
    long: set[int] = field(default_factory=set)
    _rests_until: dict[int, float] = field(default_factory=dict)
    _held_until: dict[int, float] = field(default_factory=dict)
    """Until when another worker is taken to hold a partition."""

    def due(self, now: float) -> list[int]:
        """Give the partitions that something waits in and nobody drains; first the one that has waited longest."""
        waiting = [
            partition for partition, length in enumerate(self.lengths)
            if length and partition not in self.active and self._rests_until.get(partition, 0) <= now
        ]  # fmt: skip
        return sorted(waiting, key=lambda partition: self._rests_until.get(partition, 0))

    def woken(self, partition: int, now: float) -> None:
        """Leave a partition alone until its drain says otherwise."""
        self._rests_until[partition] = now + BUSY_SECONDS

    def begin(self, partition: int, now: float) -> bool:
        """Begin a partition's turn. False where it has one already, or has to make way."""
        if partition in self.active:
            return False
        if partition in self.long and len(self.active & self.long) >= self._most_long(now):
            self._rests_until[partition] = 0.0
            return False
        self.active.add(partition)
        return True

    def end(self, partition: int, drained: Drained | None, now: float, rest_seconds: float = 0.0) -> None:
        """End a partition's turn, with what came of it, or with a failure and a rest after it."""
        self.active.discard(partition)
        if drained is Drained.BUSY:
            rest_seconds = BUSY_SECONDS
            self._held_until[partition] = now + BUSY_SECONDS
        elif drained is Drained.EMPTY:
            self.long.discard(partition)
        elif drained is Drained.UNFINISHED:
            self.long.add(partition)
        self._rests_until[partition] = now + rest_seconds

    def is_crowded(self, now: float) -> bool:
        """Tell whether a partition that is not long is drained, or waits for it since the last look."""
        waiting = (
            partition for partition, length in enumerate(self.lengths)
            if length and self._held_until.get(partition, 0) <= now
        )  # fmt: skip
        return bool(self.active - self.long) or any(partition not in self.long for partition in waiting)

    def _most_long(self, now: float) -> int:
        """Give how many long partitions are drained at the same time: one drain at least is left to the others."""
        return 1 if self.is_crowded(now) else max(1, self.drains_at_once - 1)
