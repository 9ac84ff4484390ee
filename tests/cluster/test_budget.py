"""What waits for a cluster's servers is among the bytes in flight, as long as any of it is in hand."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ingest.budget import Budget
from ingest.group_commit import GroupCommit
from ingest.metrics import Metrics
from ingest.queue_writes import Pair, QueueUnavailableError
from schemas.cluster_map import slot_of
from schemas.queue import accepted_field, stream_key
from tests.cluster.servers import Cluster, ask
from tests.waiting import eventually

_VALUE = b"x" * 1000
_TIMEOUT_SECONDS = 0.5


@pytest.fixture
def budget() -> Budget:
    return Budget(1_000_000)


@pytest.fixture
async def group_commit(cluster: Cluster, budget: Budget) -> AsyncIterator[GroupCommit]:
    """A group commit that knows what it writes to."""
    commit = GroupCommit(cluster.url, _TIMEOUT_SECONDS, Metrics(), budget)
    flushing = asyncio.create_task(commit.flush_until_closed())
    await commit.put([])
    yield commit
    commit.close()
    await flushing


def _pair(partition: int) -> Pair:
    return Pair(partition, accepted_field("sender", "m1"), _VALUE)


async def _is_free_again(budget: Budget) -> None:
    async def is_free() -> bool:
        return budget.used_bytes == 0 and budget.queued_by("sender") == 0

    await eventually(is_free, "all bytes to be free again")


async def test_what_waits_for_a_frozen_server_is_its_senders_until_it_has_failed(
    cluster: Cluster, budget: Budget, group_commit: GroupCommit
) -> None:
    frozen = cluster.servers[1]
    its_own, another = (cluster.partitions_of(server)[0] for server in (frozen, cluster.servers[0]))
    frozen.freeze()
    try:
        outcomes: list[QueueUnavailableError | None] = []

        async def is_in_hand() -> bool:
            if budget.used_bytes:
                return False
            outcomes.clear()
            group_commit.put_then([_pair(its_own)], outcomes.append)
            await group_commit.put([_pair(another)])
            return (outcomes, budget.used_bytes, budget.queued_by("sender")) == ([], len(_VALUE), len(_VALUE))

        await eventually(is_in_hand, "a look before it has failed")
        await _is_free_again(budget)
        assert len(outcomes) == 1
        assert outcomes[0] is not None
    finally:
        frozen.thaw()


async def test_posts_that_wait_count_as_under_way_until_a_server_is_stuck(
    cluster: Cluster, budget: Budget, group_commit: GroupCommit
) -> None:
    frozen = cluster.servers[1]
    partition = cluster.partitions_of(frozen)[0]

    def put_one() -> None:
        if not budget.used_bytes:  # none yet, or the last one has failed
            group_commit.put_then([_pair(partition)], lambda _: None)

    async def is_under_way() -> bool:
        put_one()
        await asyncio.sleep(0)  # it is handed on
        return budget.used_bytes > 0 and group_commit.posts_under_way() == {"sender": 1}

    async def is_stuck() -> bool:
        put_one()
        return budget.used_bytes > 0 and not group_commit.posts_under_way()

    frozen.freeze()
    try:
        await eventually(is_under_way, "a post to count")
        await eventually(is_stuck, "it to count no more")
    finally:
        frozen.thaw()


async def test_a_part_that_waits_is_in_hand_though_another_has_failed(
    cluster: Cluster, budget: Budget, group_commit: GroupCommit
) -> None:
    frozen = cluster.servers[1]
    its_own, unserved = cluster.partitions_of(frozen)[0], cluster.partitions_of(cluster.servers[0])[0]
    owner = cluster.owner(unserved)
    for server in cluster.servers:
        ask(server, "CLUSTER", "DELSLOTS", slot_of(stream_key(unserved)))

    async def is_refused() -> bool:
        try:
            await group_commit.put([_pair(unserved)])
        except QueueUnavailableError as failure:
            return failure.cause == "no_server"
        return False

    await eventually(is_refused, "it to be known that no server has the partition")
    frozen.freeze()
    try:

        async def is_in_hand() -> bool:
            await _is_free_again(budget)
            with pytest.raises(QueueUnavailableError, match="no_server"):
                await group_commit.put([_pair(unserved), _pair(its_own)])
            return budget.used_bytes == 2 * len(_VALUE)

        await eventually(is_in_hand, "a look before the other part has failed")
        await _is_free_again(budget)
    finally:
        frozen.thaw()
        ask(owner, "CLUSTER", "ADDSLOTS", slot_of(stream_key(unserved)))
