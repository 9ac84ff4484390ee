"""Whose turn it is: which partitions a worker drains next, and which of them make way for the others.

Nothing here reads a clock or a server. Instants are the event loop's time, in seconds.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from schemas.partitions import NEVER_CHANGED
from worker.drain import TURN_SECONDS, Drained, Pace

DRAINS_FOR_BURSTS = 1
"""Drains that a process has for bursts, beside the others. Two apply no more, and double what the others wait."""

BUSY_SECONDS = 0.5
"""How long a partition is left alone that another worker has, or that was woken and not begun yet."""

_SHORT_TURN_SECONDS = 0.25
"""How long a usual partition's turn lasts, by which it shows to be unfinished, and a turn that makes way."""

_TURN_OF_BURSTS_SECONDS = 1.0
"""How long a burst's lasts that makes way, which has drains of its own for that."""

_CROWD_SECONDS = 0.5
"""For how long way is made for who was there: where some come again and again, it would have to be made anew."""

_PART_IN_A_CROWD = 0.25
"""What part of the usual messages a transaction takes that makes way: a process' drains share its one thread."""


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

    Whatever is not usual takes turns, and makes way, so that nobody waits long beside it: then few of a rank are
    drained at a time. Who has waited longest comes first, so that none waits for ever.
    """

    drains_at_once: int
    _waiting: Sequence[int] = ()
    _bursts: range = NEVER_CHANGED.bursts
    _active: dict[int, Rank] = field(default_factory=dict)
    """What is drained, by the rank that it had when its turn began, the first one first."""
    _unfinished: set[int] = field(default_factory=set)
    _rests_until: dict[int, float] = field(default_factory=dict)
    _held_until: dict[int, float] = field(default_factory=dict)
    """Until when another worker is taken to hold a partition."""
    _seen_at: dict[Rank, float] = field(default_factory=dict)
    """When one of a rank was last drained, or waited."""

    def look(self, lengths: Sequence[int], bursts: range, served: Collection[int] | None, now: float) -> None:
        """Note the entries of each partition, which are for bursts, and which are drained here, if not all."""
        self._bursts = bursts
        self._waiting = [
            partition for partition, length in enumerate(lengths) if length and (served is None or partition in served)
        ]
        ranks = {self.rank(partition) for partition in self._waiting if self._held_until.get(partition, 0) <= now}
        self._seen_at |= dict.fromkeys(ranks | set(self._active.values()), now)

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing waited at the last look, and nothing is drained."""
        return not self._waiting and not self._active

    def due(self, now: float) -> list[int]:
        """Give the partitions whose turn it is; first the one that has waited longest."""
        resting_until = self._rests_until
        waiting = [
            partition for partition in self._waiting
            if partition not in self._active and resting_until.get(partition, 0) <= now
        ]  # fmt: skip
        due = []
        ranks = list(self._active.values())
        for partition in sorted(waiting, key=lambda partition: resting_until.get(partition, 0)):
            rank = self.rank(partition)
            if self._has_room(rank, ranks, now):
                ranks.append(rank)
                due.append(partition)
        return due

    def woken(self, partition: int, now: float) -> None:
        """Leave a partition alone until its drain says otherwise."""
        self._rests_until[partition] = now + BUSY_SECONDS

    def woken_in_vain(self, partitions: Iterable[int], now: float) -> None:
        """Leave partitions alone no longer."""
        self._rests_until.update(dict.fromkeys(partitions, now))

    def begin(self, partition: int, now: float) -> bool:
        """Begin a partition's turn. False where it has one already, or has to make way."""
        if partition in self._active:
            return False
        rank = self.rank(partition)
        if not self._has_room(rank, list(self._active.values()), now):
            self._rests_until[partition] = 0.0
            return False
        self._active[partition] = rank
        self._seen_at[rank] = now
        return True

    def end(self, partition: int, drained: Drained | None, now: float, rest_seconds: float = 0.0) -> None:
        """End a partition's turn, with what came of it, or with a failure and a rest after it."""
        del self._active[partition]
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
        if partition in self._bursts:
            return Rank.FOR_BURSTS
        return Rank.UNFINISHED if partition in self._unfinished else Rank.USUAL

    def pace(self, partition: int, now: float) -> Pace:
        """Give the pace of a partition whose turn it is."""
        rank = self._active[partition]
        if rank is Rank.USUAL:
            return Pace(_SHORT_TURN_SECONDS)
        if not self.makes_way(rank, now):
            return Pace(TURN_SECONDS)
        first = [other for other, its_rank in self._active.items() if its_rank is rank]
        if partition not in first[: self._most(rank, now)]:
            return Pace(0.0)
        is_for_bursts = rank is Rank.FOR_BURSTS
        return Pace(_TURN_OF_BURSTS_SECONDS if is_for_bursts else _SHORT_TURN_SECONDS, _PART_IN_A_CROWD)

    def makes_way(self, rank: Rank, now: float) -> bool:
        """Tell whether a partition of a lower rank waits or is drained, or did so a moment ago."""
        return any(now - seen_at <= _CROWD_SECONDS for other, seen_at in self._seen_at.items() if other < rank)

    def _has_room(self, rank: Rank, others: Sequence[Rank], now: float) -> bool:
        """Tell whether a partition of this rank may be drained beside others. One drain is left to the usual ones."""
        if rank is Rank.USUAL:
            return True
        unusual = len(others) - others.count(Rank.USUAL)
        is_one_left = unusual + 1 < self.drains_at_once + DRAINS_FOR_BURSTS
        return is_one_left and others.count(rank) < self._most(rank, now)

    def _most(self, rank: Rank, now: float) -> int:
        """Give how many partitions of a rank that is not usual are drained at the same time."""
        few = DRAINS_FOR_BURSTS if rank is Rank.FOR_BURSTS else 1
        return few if self.makes_way(rank, now) else max(few, self.drains_at_once - 1)
