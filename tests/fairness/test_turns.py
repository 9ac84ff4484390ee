"""The worker's part: whose turn it is, as a decision over values."""

from collections import Counter, deque
from collections.abc import Collection

from hypothesis import assume, given
from hypothesis import strategies as st

from worker.drain import Drained
from worker.turns import DRAINS_FOR_BURSTS, Rank, Turns

_BURSTS = range(6, 8)
_LENGTHS = st.lists(st.integers(0, 3), min_size=8, max_size=8)
_DRAINS = st.integers(1, 5)


class Work:
    """Drains as the sweep and arq have them, an entry a turn: as many at once as may be, the first ones first."""

    def __init__(self, drains_at_once: int, lengths: list[int], unfinished: Collection[int] = ()) -> None:
        self.turns = Turns(drains_at_once)
        self.drains_at_once = drains_at_once + DRAINS_FOR_BURSTS
        self.left = list(lengths)
        self.had: Counter[int] = Counter()
        self.active: deque[int] = deque()
        self.now = 1.0
        self.turns.look([1] * len(lengths), _BURSTS, None, 0.0)
        for partition in unfinished:
            assert self.turns.begin(partition, 0.0)
            self.turns.end(partition, Drained.UNFINISHED, 0.0)

    def go_on(self) -> None:
        """End the drain that began first, and begin what is due."""
        self.now += 0.1
        if self.active:
            partition = self.active.popleft()
            self.left[partition] -= 1
            self.had[partition] += 1
            drained = Drained.UNFINISHED if self.left[partition] else Drained.EMPTY
            self.turns.end(partition, drained, self.now)
        self.turns.look(self.left, _BURSTS, None, self.now)
        for partition in self.turns.due(self.now):
            if len(self.active) < self.drains_at_once and self.turns.begin(partition, self.now):
                self.active.append(partition)


@given(_DRAINS, _LENGTHS, st.sets(st.integers(0, 7)))
def test_all_that_waits_is_drained_whoever_has_to_make_way(
    drains_at_once: int, lengths: list[int], unfinished: set[int]
) -> None:
    work = Work(drains_at_once, lengths, unfinished)
    for _ in range(sum(lengths) + 1):
        work.go_on()
    assert not any(work.left)
    assert [work.had[partition] for partition in range(8)] == lengths


@given(_DRAINS, _LENGTHS, st.sets(st.integers(0, 7)))
def test_whoever_makes_way_leaves_a_drain_to_the_others_and_waits_for_no_more_than_a_turn_of_each(
    drains_at_once: int, lengths: list[int], unfinished: set[int]
) -> None:
    work = Work(drains_at_once, lengths, unfinished)
    waited = 0
    for _ in range(sum(lengths) + 1):
        work.go_on()
        ranks = Counter(map(work.turns.rank, work.active))
        assert ranks[Rank.UNFINISHED] <= max(1, drains_at_once - 1)
        assert ranks[Rank.UNFINISHED] + ranks[Rank.FOR_BURSTS] < work.drains_at_once
        is_burst_waiting = any(work.left[partition] for partition in _BURSTS) and not ranks[Rank.FOR_BURSTS]
        waited = waited + 1 if is_burst_waiting else 0
        assert waited <= len(lengths)


def test_bursts_that_go_on_and_on_share_a_part_beside_others_that_go_on_and_on() -> None:
    work = Work(4, [10**6] * 8)
    for _ in range(400):
        work.go_on()
    first, second = (work.had[partition] for partition in _BURSTS)
    assert 400 / 8 <= first + second <= 400 / 2
    assert abs(first - second) <= 1


def test_a_burst_alone_takes_what_it_may_and_makes_way_when_somebody_comes_and_for_a_moment_after() -> None:
    turns = Turns(4)
    bursts = range(1, 5)
    turns.look([0, 5, 5, 5, 5], bursts, None, 0.0)
    assert turns.due(0.0) == [1, 2, 3]
    assert all(turns.begin(partition, 0.0) for partition in (1, 2, 3))
    alone = turns.pace(1, 0.0)
    assert turns.pace(3, 0.0) == alone
    turns.look([1, 5, 5, 5, 5], bursts, None, 1.0)
    assert turns.due(1.0) == [0]
    assert turns.pace(1, 1.0).part == alone.part / 4
    assert [turns.pace(partition, 1.0).turn_seconds for partition in (2, 3)] == [0, 0]
    turns.end(2, Drained.UNFINISHED, 1.0)
    turns.end(3, Drained.UNFINISHED, 1.0)
    turns.look([0, 5, 5, 5, 5], bursts, None, 1.1)
    assert turns.due(1.1) == []
    assert turns.due(2.0) == [4, 2]
    assert turns.pace(1, 2.0) == alone


@given(_LENGTHS, st.sets(st.integers(0, 7)))
def test_a_worker_that_serves_some_partitions_neither_drains_nor_minds_the_others(
    lengths: list[int], served: set[int]
) -> None:
    turns = Turns(4)
    turns.look(lengths, _BURSTS, served, 0.0)
    waiting = {partition for partition in served if lengths[partition]}
    assert set(turns.due(0.0)) <= waiting
    assert bool(turns.due(0.0)) == bool(waiting)
    assume(not waiting)
    assert not turns.makes_way(Rank.FOR_BURSTS, 0.0)
