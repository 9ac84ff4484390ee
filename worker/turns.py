"""Whose turn it is: which partitions a worker drains next, and which of them make way for the others.

Nothing here reads a clock or a server. Instants are the event loop's time, in seconds.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from schemas.partitions import NEVER_CHANGED
from worker.drain import Drained

BUSY_SECONDS = 0.5
"""How long a partition is left alone that another worker has, or that was woken and not begun yet."""


class Rank(IntEnum):
    """What a partition makes way for: whatever has a lower rank.

    One is unfinished that was not empty when its last turn ended, as it is where one workspace sends more than others.
    """

    USUAL = 0
    UNFINISHED = 1
    FOR_BURSTS = 2


@dataclass(slots=True)
class Turns:
    """What one worker process drains, what waits, and what it leaves alone for how long.

    Whatever is not usual takes turns, and makes way, so that nobody waits long beside it. Who has waited longest comes
    first, so that none waits for ever.
    """

    drains_at_once: int
    lengths: Sequence[int] = ()
    """Entries in each partition, as of the last look."""
    bursts: range = NEVER_CHANGED.bursts
    served: Collection[int] | None = None
    """The partitions that this worker drains; None for all."""
    _active: set[int] = field(default_factory=set)
    _unfinished: set[int] = field(default_factory=set)
    _rests_until: dict[int, float] = field(default_factory=dict)
    _held_until: dict[int, float] = field(default_factory=dict)
    """Until when another worker is taken to hold a partition."""

    def due(self, now: float) -> list[int]:
        """Give the partitions whose turn it is; first the one that has waited longest."""
        waiting = [
            partition for partition in self._not_empty()
            if partition not in self._active and self._rests_until.get(partition, 0) <= now
        ]  # fmt: skip
        due = []
        ranks = [self.rank(partition) for partition in self._active]
        for partition in sorted(waiting, key=lambda partition: self._rests_until.get(partition, 0)):
            rank = self.rank(partition)
            if self._has_room(rank, ranks, now):
                ranks.append(rank)
                due.append(partition)
        return due

    def woken(self, partition: int, now: float) -> None:
        """Leave a partition alone until its drain says otherwise."""
        self._rests_until[partition] = now + BUSY_SECONDS

    def begin(self, partition: int, now: float) -> bool:
        """Begin a partition's turn. False where it has one already, or has to make way."""
        if partition in self._active:
            return False
        if not self._has_room(self.rank(partition), [self.rank(other) for other in self._active], now):
            self._rests_until[partition] = 0.0
            return False
        self._active.add(partition)
        return True

    def end(self, partition: int, drained: Drained | None, now: float, rest_seconds: float = 0.0) -> None:
        """End a partition's turn, with what came of it, or with a failure and a rest after it."""
        self._active.discard(partition)
        if drained is Drained.BUSY:
            rest_seconds = BUSY_SECONDS
            self._held_until[partition] = now + BUSY_SECONDS
        elif drained is Drained.EMPTY:
            self._unfinished.discard(partition)
        elif drained is Drained.UNFINISHED:
            self._unfinished.add(partition)
        self._rests_until[partition] = now + rest_seconds

    def rank(self, partition: int) -> Rank:
        """Give a partition's rank."""
        if partition in self.bursts:
            return Rank.FOR_BURSTS
        return Rank.UNFINISHED if partition in self._unfinished else Rank.USUAL

    def makes_way(self, rank: Rank, now: float) -> bool:
        """Tell whether a partition of a lower rank is drained, or waits for it since the last look."""
        waiting = (partition for partition in self._not_empty() if self._held_until.get(partition, 0) <= now)
        return any(self.rank(partition) < rank for group in (self._active, waiting) for partition in group)

    def _has_room(self, rank: Rank, others: Sequence[Rank], now: float) -> bool:
        """Tell whether a partition of this rank may be drained beside others. One drain is left to the usual ones."""
        if rank is Rank.USUAL:
            return True
        most = max(1, self.drains_at_once - 1)
        unusual = len(others) - others.count(Rank.USUAL)
        return unusual < most and others.count(rank) < (1 if self.makes_way(rank, now) else most)

    def _not_empty(self) -> Iterator[int]:
        served = self.served
        return (
            partition for partition, length in enumerate(self.lengths)
            if length and (served is None or partition in served)
        )  # fmt: skip
