"""The whole system on a cluster: every partition is served, slots move under load, and a server's loss is its own."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

import aiohttp
import pytest

from schemas.cluster_map import slot_of
from schemas.queue import stream_key
from tests.cli.command import Variance
from tests.cluster.load import Load
from tests.cluster.servers import Cluster, ask
from tests.ingest.valkey import Valkey
from tests.system import System, running_system
from tests.waiting import eventually


async def test_what_is_posted_to_a_cluster_is_in_the_views(system: System, cluster: Cluster, load: Load) -> None:
    statuses = await asyncio.gather(*map(load.say, range(16)))
    assert set(statuses) == {200}
    many = [{"type": "track", "event": "Many", "userId": f"u{n}", "messageId": f"b{n}"} for n in range(40)]
    assert await system.post("/webhook/w1main", many, "w1main") == 200
    await load.balances()
    assert len(await system.rows("events", "message_id")) == 56
    assert all(cluster.partitions_of(server) for server in cluster.servers)


async def test_posts_that_arrive_together_share_an_exchange_with_each_server(cluster: Cluster, load: Load) -> None:
    await load.say(0)
    for server in cluster.servers:
        ask(server, "CONFIG", "RESETSTAT")
    await asyncio.gather(*[load.say(n % 16) for n in range(320)])
    stats = [ask(server, "INFO", "commandstats").decode() for server in cluster.servers]
    transactions = sum(int(text.partition("cmdstat_exec:calls=")[2].partition(",")[0]) for text in stats)
    assert transactions < 160
    await load.balances()


async def test_while_slots_move_under_load_nobody_is_refused_and_nothing_is_lost(
    cluster: Cluster, load: Load
) -> None:
    async with load.going_on():
        await load.sees(32)
        for partition in (0, 1):
            source = cluster.owner(partition)
            target = next(server for server in cluster.servers if server is not source)
            cluster.begin_move(partition, target)
            await load.reaches_postgres(partition)
            cluster.move_keys(partition, target, at_once=100 if partition % 2 else 1)
            await load.reaches_postgres(partition)  # which has to ask a server that does not own it yet
            cluster.end_move(partition, target)
            await load.reaches_postgres(partition)
            assert cluster.owner(partition) is target
    assert not load.refused()
    await load.balances()


async def test_a_killed_server_is_refused_for_its_own_partitions_alone_and_drained_when_it_is_back(
    system: System, cluster: Cluster, load: Load, variance: Variance
) -> None:
    dead = cluster.servers[2]
    its_own = set(cluster.partitions_of(dead))
    async with load.going_on():
        await load.sees(32)
        dead.kill()
        await load.sees(40, 503)
        await load.sees(100)
        assert load.refused() == its_own
        for connection in load.workspaces:
            status, partitions = await load.say_all_at_once(connection)
            assert (status == 503) == bool(partitions & its_own), partitions
        status, checks = await _ready(system)
        assert (status, any(dead.address in check for check in checks)) == (200, True), checks
        ended = await variance("status", "--json")
        assert ended.failure == "variance: Redis: connection refused"
        assert ended.document["applied"] > 0
        (away,) = [alarm for alarm in ended.document["alarms"] if alarm["code"] == "redis_unreachable"]
        assert dead.address in away["text"]
        dead.start()
        await eventually(_all_acknowledge(load, range(16)), "every partition to be acknowledged again")
    assert load.refused() == its_own
    await load.balances()


async def test_a_slot_that_no_server_has_is_refused_until_one_has_it(cluster: Cluster, load: Load) -> None:
    assert {await load.say(partition) for partition in range(16)} == {200}
    slot, owner = slot_of(stream_key(5)), cluster.owner(5)
    for server in cluster.servers:
        ask(server, "CLUSTER", "DELSLOTS", slot)
    statuses = {partition: await load.say(partition) for partition in range(16)}
    assert {partition for partition, status in statuses.items() if status == 503} == {5}
    ask(owner, "CLUSTER", "ADDSLOTS", slot)
    await eventually(_is_acknowledged(load, 5), "the partition to be acknowledged again")
    await load.balances()


async def test_a_frozen_server_delays_its_own_partitions_posts_alone(cluster: Cluster, load: Load) -> None:
    frozen = cluster.servers[1]
    others = set(range(16)) - set(cluster.partitions_of(frozen))
    async with load.going_on():
        await load.sees(32)
        frozen.freeze()
        try:
            for _ in range(3):
                await eventually(_all_acknowledge(load, others), "every other partition to be acknowledged")
        finally:
            frozen.thaw()
    assert not load.refused() & others
    await load.balances()


async def test_a_server_that_could_lose_messages_makes_unready_and_is_named(
    system: System, cluster: Cluster, variance: Variance
) -> None:
    assert await _ready(system) == (200, {"ok"})
    ask(cluster.servers[1], "CONFIG", "SET", "appendfsync", "everysec")
    try:
        status, checks = await _ready(system)
        report = (await variance("status", "--json")).json
    finally:
        ask(cluster.servers[1], "CONFIG", "SET", "appendfsync", "always")
    (alarm,) = report["alarms"]
    assert (alarm["code"], cluster.servers[1].address in alarm["text"]) == ("redis_durability", True)
    assert status == 503
    assert f"is everysec, must be always (at {cluster.servers[1].address})" in checks


@pytest.mark.parametrize(("fault", "end"), [("kill", "start"), ("freeze", "thaw")])
async def test_while_arqs_redis_is_away_the_sweep_drains(
    cluster: Cluster, database_url: str, tmp_path: Path, fault: str, end: str
) -> None:
    arq = Valkey(tmp_path)
    arq.start()
    async with running_system(cluster.url, database_url, with_worker=False) as system:
        await system.start_worker(arq_redis_url=arq.url)
        await system.send({"type": "identify", "userId": "u1", "messageId": "before"})
        getattr(arq, fault)()
        await system.send({"type": "identify", "userId": "u1", "messageId": "meanwhile"})
        getattr(arq, end)()
        with arq.client() as client:
            client.config_resetstat()

            async def is_woken_by_arq() -> bool:
                await system.send({"type": "identify", "userId": "u1", "messageId": "after"})
                return "cmdstat_zadd" in client.info("commandstats")

            await eventually(is_woken_by_arq, "arq to be used again")
    arq.kill()


async def _ready(system: System) -> tuple[int, set[str]]:
    async with aiohttp.ClientSession() as http, http.get(f"{system.base_url}/health/ready") as answer:
        return answer.status, set((await answer.json())["checks"].values())


def _is_acknowledged(load: Load, partition: int) -> Callable[[], Awaitable[bool]]:
    async def is_acknowledged() -> bool:
        return await load.say(partition) == 200

    return is_acknowledged


def _all_acknowledge(load: Load, partitions: Collection[int]) -> Callable[[], Awaitable[bool]]:
    before = dict(load.answers)

    async def do_all() -> bool:
        return all(load.answers[partition, 200] > before.get((partition, 200), 0) for partition in partitions)

    return do_all
