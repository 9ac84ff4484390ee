"""The number of partitions changes while everything runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.budget import Budget
from ingest.group_commit import GroupCommit
from ingest.metrics import Metrics
from ingest.queue_writes import Pair
from schemas.partitions import MOST_PARTITIONS, find_partitions, read_partitions
from schemas.queue import accepted_field, partitions_of, stream_key
from tests.cli.command import Variance
from tests.partitions import burst_partition_of, partition_of
from tests.system import System
from tests.waiting import eventually
from worker.balance import read_balance
from worker.queue_reading import QueueReading

_PEOPLE = 40


@asynccontextmanager
async def edge_that_knows_of_no_change(system: System) -> AsyncIterator[None]:
    """Write on and on by the number that an earlier version has."""
    group_commit = GroupCommit(system.redis_url, 2.0, Metrics(), Budget(250_000_000))
    flushing = asyncio.create_task(group_commit.flush_until_closed())
    stopped = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            value = b'{"type":"identify","userId":"old","messageId":"o%d","receivedAt":"2026-01-01T00:00:00Z"}' % number
            field = accepted_field("defaultmain", f"o{number}")
            await group_commit.put([Pair(partition_of(1, f"u{number % _PEOPLE}"), field, value)])
            await asyncio.sleep(0.005)

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        stopped.set()
        await writing
        group_commit.close()
        await flushing


async def test_the_number_of_partitions_changes_under_load_and_nothing_is_lost(
    system: System, variance: Variance
) -> None:
    for number in range(1, 8):
        await system.connect("main", workspace=f"w{number}")
    stopped = asyncio.Event()
    posted = 0

    async def post(workspace: int) -> None:
        nonlocal posted
        while not stopped.is_set():
            posted += 1
            message = {"type": "identify", "userId": f"u{posted % _PEOPLE}", "messageId": f"m{posted}"}
            assert await system.post("/v1/identify", message, f"w{workspace}main") == 200

    async def reaches(partitions: range) -> None:
        before = {number: await _ever(system, number) for number in partitions}

        async def is_reached() -> bool:
            return any([await _ever(system, number) > before[number] for number in partitions])

        await eventually(is_reached, f"messages in {partitions}")

    async with edge_that_knows_of_no_change(system), asyncio.TaskGroup() as tasks:
        for number in range(1, 8):
            tasks.create_task(post(number))
        await reaches(range(16))
        assert (await variance("partitions", "40", "--json")).json == {"current": 40, "most": 48}
        await reaches(range(16, 40))
        assert (await variance("partitions", "3", "--json")).json == {"current": 3, "most": 48}
        await eventually(_rests(system, range(16, 40)), "the partitions above to be left alone")
        await reaches(range(3))
        stopped.set()
    await system.settled()
    balance = await read_balance(system.database, QueueReading(system.redis))
    assert (balance.is_balanced, balance.pending) == (True, 0)
    statement = "SELECT count(*) FROM variance_data.messages WHERE message_id LIKE 'm%'"
    assert await system.database.fetchval(statement) == posted
    assert (await find_partitions(system.redis)).most == len(balance.queue) == 48


async def _ever(system: System, partition: int) -> int:
    if not await system.redis.exists(stream_key(partition)):
        return 0
    return int((await system.redis.xinfo_stream(stream_key(partition)))["entries-added"])


def _rests(system: System, partitions: range) -> Callable[[], Awaitable[bool]]:
    before: list[int] = []

    async def do_rest() -> bool:
        nonlocal before
        counts = [await _ever(system, number) for number in partitions]
        is_same, before = counts == before, counts
        return is_same

    return do_rest


@pytest.mark.parametrize(("partitions", "its_own"), [(2, 2), (4, 4), (16, 4), (40, 10), (256, 64)])
def test_a_workspace_alone_can_use_more_partitions_where_there_are_more(partitions: int, its_own: int) -> None:
    found = {partition_of(7, f"u{number}", partitions) for number in range(2_000)}
    assert found == partitions_of(7, partitions)
    assert len(found) == its_own


_NUMBERS = st.sampled_from([b"16", b"24", b"40", b"48", b"250", b"256", b"257"])


@given(st.dictionaries(st.just(b"current") | _NUMBERS | st.binary(), _NUMBERS | st.just(b"bursts") | st.binary()))
def test_whatever_stands_in_the_hash_messages_have_a_partition_that_is_drained(fields: dict[bytes, bytes]) -> None:
    found = read_partitions(fields)
    assert 1 <= found.current <= found.most <= MOST_PARTITIONS
    assert partition_of(7, "u1", found.current) < found.most
    assert burst_partition_of(7, "u1", found.bursts.start) in found.bursts
    assert found.bursts.stop <= found.most
    most_before = max(16, found.current, *(int(field) for field in fields if field.isdigit() and int(field) <= 256))
    assert not found.has_bursts or found.bursts.stop <= most_before, "a version without bursts goes through them"
