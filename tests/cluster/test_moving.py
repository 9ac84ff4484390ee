"""A slot that stands half moved: whatever of its partition is where, posts are acknowledged and counted once."""

import asyncio
from collections.abc import Sequence

import pytest
from redis.exceptions import ResponseError

from schemas.cluster_map import slot_of, transaction_error
from schemas.queue import accepted_key, stream_key
from tests.cli.command import Variance
from tests.cluster.load import Load
from tests.cluster.servers import Cluster, ask
from tests.ingest.valkey import Valkey
from tests.system import System
from tests.waiting import eventually

_PARTITION = 3
_STREAM, _ACCEPTED = stream_key(_PARTITION), accepted_key(_PARTITION)


async def test_a_partition_that_was_never_written_to_takes_posts_while_its_slot_moves(
    system: System, cluster: Cluster, load: Load, variance: Variance, redis_url: str
) -> None:
    source, target = _source_and_target(cluster)
    assert ask(source, "CLUSTER", "COUNTKEYSINSLOT", slot_of(_STREAM)) == 0
    await system.stop_worker()
    cluster.begin_move(_PARTITION, target)
    assert set(await asyncio.gather(*[load.say(_PARTITION) for _ in range(20)])) == {200}
    assert ask(source, "CLUSTER", "COUNTKEYSINSLOT", slot_of(_STREAM)) == 0
    await system.start_worker(arq_redis_url=redis_url)
    await load.reaches_postgres(_PARTITION)
    assert (await variance("recount")).failure == (
        "variance: Redis: its keys are being moved to another server of the cluster: try again when they are there"
    )
    cluster.move_keys(_PARTITION, target)
    cluster.end_move(_PARTITION, target)
    assert int(ask(target, "GET", _ACCEPTED)) == 21
    await load.reaches_postgres(_PARTITION)
    await load.balances()


@pytest.mark.parametrize("moved", [_STREAM, _ACCEPTED])
async def test_a_post_waits_while_its_partitions_stream_and_counter_are_apart(
    cluster: Cluster, load: Load, moved: str
) -> None:
    source, target = _source_and_target(cluster)
    await load.reaches_postgres(_PARTITION)
    cluster.begin_move(_PARTITION, target)
    cluster.move_these(_PARTITION, target, moved)
    await _is_acknowledged_once_moved(cluster, load, source, target)


async def test_a_post_waits_for_the_counter_of_a_partition_that_has_no_stream_yet(
    cluster: Cluster, load: Load
) -> None:
    source, target = _source_and_target(cluster)
    ask(source, "INCRBY", _ACCEPTED, 0)
    cluster.begin_move(_PARTITION, target)
    await _is_acknowledged_once_moved(cluster, load, source, target)


@pytest.mark.parametrize(
    ("replies", "word"),
    [
        ([b"OK", b"QUEUED", b"QUEUED", [b"1-0", 1]], None),
        ([b"OK", b"QUEUED", b"QUEUED", "ASK 1 a:1"], "ASK"),
        ([b"OK", "ASK 1 a:1", "ASK 1 a:1", "EXECABORT"], "ASK"),
        ([b"OK", b"QUEUED", "ASK 1 a:1", "EXECABORT"], "TRYAGAIN"),
        ([b"OK", "ASK 1 a:1", b"QUEUED", "EXECABORT"], "TRYAGAIN"),
        ([b"OK", "OOM", b"QUEUED", "EXECABORT"], "OOM"),
        ([b"OK", b"QUEUED", b"QUEUED", ["WRONGTYPE", 1]], "WRONGTYPE"),
    ],
)
def test_a_transaction_is_asked_for_elsewhere_only_where_none_of_its_keys_is_left(
    replies: Sequence[object], word: str | None
) -> None:
    verdict = transaction_error([_reply(reply) for reply in replies])
    assert (None if verdict is None else str(verdict).split()[0]) == word


def _reply(reply: object) -> object:
    if isinstance(reply, list):
        return [_reply(one) for one in reply]
    return ResponseError(reply) if isinstance(reply, str) else reply


def _source_and_target(cluster: Cluster) -> tuple[Valkey, Valkey]:
    source = cluster.owner(_PARTITION)
    return source, next(server for server in cluster.servers if server is not source)


async def _is_acknowledged_once_moved(cluster: Cluster, load: Load, source: Valkey, target: Valkey) -> None:
    """Post, and move what is left once the post was refused several times."""
    ask(source, "CONFIG", "RESETSTAT")
    post = asyncio.create_task(load.say(_PARTITION))

    async def has_been_refused() -> bool:
        assert not post.done()
        with source.client() as client:
            return int(client.info("errorstats").get("errorstat_TRYAGAIN", {}).get("count", 0)) > 3

    await eventually(has_been_refused, "the post to be refused several times")
    cluster.move_keys(_PARTITION, target)
    assert await post == 200
    cluster.end_move(_PARTITION, target)
    await load.reaches_postgres(_PARTITION)
    await load.balances()
