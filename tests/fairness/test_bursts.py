"""The edge's part: which messages are part of a burst, and where those go."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingest.bursts import Bursts
from schemas.partitions import NEVER_CHANGED, open_bursts, read_partitions
from schemas.queue import accepted_key, partitions_of
from tests.ingest.conftest import publish_default
from tests.ingest.edge import CONNECTION, TRACK, Edge, running_edge
from tests.ingest.test_metrics import read
from tests.partitions import burst_partition_of
from tests.waiting import eventually
from worker.serving import partitions_to_serve

_RATE = 10
_AT_ONCE = 5 * _RATE
_RUNS = st.lists(st.tuples(st.integers(1, 200), st.floats(0, 2) | st.just(0.0) | st.just(1 / _RATE)), max_size=5)
_PAUSES = _RUNS.map(lambda runs: [pause_seconds for count, pause_seconds in runs for _ in range(count)])
"""Pauses between messages, in seconds: some at one pace, then some at another."""


def instants(pauses_seconds: list[float]) -> list[float]:
    return list(itertools.accumulate(pauses_seconds, initial=1000.0))


@given(_PAUSES)
def test_what_is_not_of_a_burst_comes_within_the_rate_and_what_may_come_at_once(pauses_seconds: list[float]) -> None:
    bursts = Bursts(_RATE)
    usual = [at for at in instants(pauses_seconds) if not bursts.take(1, at, 1)]
    beyond = [number - _RATE * at for number, at in enumerate(usual)]
    for least, most in zip(itertools.accumulate(beyond, min), beyond, strict=True):
        assert most - least < _AT_ONCE + 1e-6


@given(_PAUSES.map(lambda pauses: [max(pause, 1 / _RATE) for pause in pauses]))
def test_who_keeps_to_the_rate_has_no_burst(pauses_seconds: list[float]) -> None:
    bursts = Bursts(_RATE)
    assert not any(bursts.take(1, at, 1) for at in instants(pauses_seconds))


@given(_PAUSES)
def test_once_a_workspace_has_been_quiet_for_a_while_its_messages_are_usual_again(pauses_seconds: list[float]) -> None:
    bursts = Bursts(_RATE)
    for at in (times := instants(pauses_seconds)):
        bursts.take(1, at, 1)
    assert not bursts.take(1, times[-1] + 5.0 + 2 / _RATE, 1)


@given(st.lists(st.integers(0, 16), max_size=200), st.integers(1, 100))
def test_messages_that_come_together_are_usual_where_each_by_itself_would_be(pauses: list[int], count: int) -> None:
    together, apart = Bursts(8), Bursts(8)
    for at in (times := instants([pause / 8 for pause in pauses])):
        assert together.take(1, at, 1) == apart.take(1, at, 1)
    each = [apart.take(1, times[-1], 1) for _ in range(count)]
    assert together.take(1, times[-1], count) == any(each)


@given(_PAUSES, _PAUSES)
def test_one_workspaces_burst_is_nobody_elses(burst_seconds: list[float], other_seconds: list[float]) -> None:
    alone, beside = Bursts(_RATE), Bursts(_RATE)
    other = instants(other_seconds)
    expected = [alone.take(2, at, 1) for at in other]
    both = sorted([*((at, 1) for at in instants(burst_seconds)), *((at, 2) for at in other)])
    verdicts = [(workspace_id, beside.take(workspace_id, at, 1)) for at, workspace_id in both]
    assert [is_of_a_burst for workspace_id, is_of_a_burst in verdicts if workspace_id == 2] == expected


@given(
    st.integers(1, 10**9),
    st.dictionaries(st.integers(1, 256).map(lambda n: str(n).encode()), st.sampled_from([b"2026", b"bursts"])),
    st.none() | st.integers(1, 256),
)
def test_who_serves_a_workspace_drains_whatever_its_messages_may_lie_in(
    workspace_id: int, numbers: dict[bytes, bytes], current: int | None
) -> None:
    fields = numbers if current is None else {**numbers, b"current": str(current).encode()}
    partitions = read_partitions(fields)
    served = partitions_to_serve([workspace_id], partitions)
    before = [int(number) for number, meaning in numbers.items() if meaning != b"bursts"]
    for number in (16, partitions.current, *before):
        assert partitions_of(workspace_id, number) <= served
    first = partitions.bursts.start
    assert {burst_partition_of(workspace_id, f"u{number}", first) for number in range(40)} <= served
    assert max(served) < partitions.most


async def test_what_goes_beyond_the_rate_lies_behind_the_others_once_a_worker_drains_there(redis_url: str) -> None:
    usual = partitions_of(CONNECTION.workspace_id, 16)
    behind = {16 + number for number in partitions_of(CONNECTION.workspace_id, 8)}
    await publish_default(redis_url)
    async with running_edge(redis_url, burst_messages_per_second=_RATE) as edge:
        batch = [{"type": "track", "event": "e", "userId": f"u{number}"} for number in range(3 * _AT_ONCE)]
        assert (await edge.post("/v1/batch", {"batch": batch})).status == 200
        assert set(await counts(edge)) <= usual
        await open_bursts(edge.redis)

        async def is_behind() -> bool:
            await edge.post("/v1/track", TRACK)
            return not behind.isdisjoint(await counts(edge))

        await eventually(is_behind, "the message to lie in a partition for bursts")
        before = await counts(edge)
        assert (await edge.post("/v1/batch", {"batch": [TRACK, {"type": "track"}]})).status == 200
        after = await counts(edge)
        assert {number: after[number] for number in usual & set(after)} == {n: before[n] for n in usual & set(before)}
        assert sum(after.values()) == sum(before.values()) + 2
        assert (await read(edge))["variance_messages_of_bursts_total", ()] == sum(after[n] for n in behind & set(after))


async def counts(edge: Edge) -> dict[int, int]:
    """Give how many messages were accepted in each partition that has any."""
    found = {number: await edge.redis.get(accepted_key(number)) for number in range(NEVER_CHANGED.most)}
    return {number: int(count) for number, count in found.items() if count}
