import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from ingest.answers import RefusalError
from ingest.budget import Budget
from ingest.group_commit import GroupCommit
from ingest.metrics import Metrics
from ingest.queue_writes import Pair, QueueUnavailableError
from schemas.queue import PARTITIONS, accepted_key
from tests.ingest.edge import CONNECTION, TRACK, Edge
from tests.ingest.valkey import Valkey
from tests.partitions import partition_of


@asynccontextmanager
async def committing(redis_url: str) -> AsyncIterator[GroupCommit]:
    group_commit = GroupCommit(redis_url, 2.0, Metrics(), Budget(250_000_000))
    flushing = asyncio.create_task(group_commit.flush_until_closed())
    yield group_commit
    group_commit.close()
    await flushing


async def test_posts_that_arrive_together_share_transactions_and_all_are_counted(edge: Edge) -> None:
    posts = 200
    await edge.redis.config_resetstat()

    answers = await asyncio.gather(
        *[edge.post("/v1/track", TRACK | {"messageId": f"m{n}", "userId": f"u{n}"}) for n in range(posts)]
    )

    assert {answer.status for answer in answers} == {200}
    transactions = (await edge.redis.info("commandstats"))["cmdstat_exec"]["calls"]
    assert transactions < posts / 4
    assert {message["messageId"] for message in await edge.messages()} == {f"m{n}" for n in range(posts)}
    assert await edge.accepted_count() == len(await edge.pairs()) == posts


async def test_each_partition_counts_its_own_pairs(edge: Edge) -> None:
    users = [f"u{n}" for n in range(50)]
    await asyncio.gather(*[edge.post("/v1/track", TRACK | {"userId": user}) for user in users])

    expected = Counter(partition_of(CONNECTION.workspace_id, user) for user in users)
    counted = {p: int(await edge.redis.get(accepted_key(p)) or 0) for p in range(PARTITIONS)}
    assert {partition: count for partition, count in counted.items() if count} == expected


async def test_one_sender_s_messages_keep_their_order(edge: Edge) -> None:
    for n in range(30):
        await edge.post("/v1/track", TRACK | {"messageId": f"m{n}"})

    assert [message["messageId"] for message in await edge.messages()] == [f"m{n}" for n in range(30)]


async def test_a_put_returns_only_when_its_pairs_can_be_read(redis_url: str) -> None:
    async with committing(redis_url) as group_commit, Redis.from_url(redis_url) as redis:
        for n in range(1, 20):
            await group_commit.put([Pair(3, f"c:{n}", b"{}")])
            assert await redis.xlen("variance:{p03}") == n


async def test_more_than_one_transaction_s_bytes_are_split_and_all_arrive(redis_url: str) -> None:
    async with committing(redis_url) as group_commit, Redis.from_url(redis_url) as redis:
        await redis.config_resetstat()
        value = b"x" * 1_000_000
        await asyncio.gather(*[group_commit.put([Pair(n % 16, f"c:{n}", value)]) for n in range(20)])

        assert sum([int(await redis.get(accepted_key(p)) or 0) for p in range(16)]) == 20
        assert (await redis.info("commandstats"))["cmdstat_exec"]["calls"] >= 5


async def test_what_was_put_before_it_closes_is_still_written(redis_url: str) -> None:
    async with committing(redis_url) as group_commit:
        puts = [asyncio.create_task(group_commit.put([Pair(0, f"c:{n}", b"{}")])) for n in range(10)]
        await asyncio.sleep(0)
    await asyncio.gather(*puts)

    async with Redis.from_url(redis_url) as redis:
        assert int(await redis.get(accepted_key(0)) or 0) == 10


async def test_who_gives_up_waiting_disturbs_nobody(redis_url: str) -> None:
    async with committing(redis_url) as group_commit:
        puts = [asyncio.create_task(group_commit.put([Pair(0, f"c:{n}", b"{}")])) for n in range(10)]
        await asyncio.sleep(0)
        puts[0].cancel()

        results = await asyncio.gather(*puts, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None] * 9


async def test_more_than_may_wait_is_refused_at_once(valkey: Valkey) -> None:
    async with committing(valkey.url) as group_commit:
        await group_commit.put([])
        valkey.freeze()
        value = b"x" * 50_000_000
        puts = [asyncio.create_task(group_commit.put([Pair(0, "c:1", value)])) for _ in range(10)]
        await asyncio.sleep(0)

        assert sum(put.done() for put in puts) >= 7
        results = await asyncio.gather(*puts, return_exceptions=True)

        assert {type(result) for result in results} == {QueueUnavailableError, RefusalError}
        valkey.thaw()
        await group_commit.put([])
