"""Faults of a cluster at random: `python -m tests.cluster.torture --seconds N --seed S`.

Servers are killed, frozen and started again, slots are moved key by key, and arq's Redis comes and goes, one fault
after the other, while every partition is posted to. Each round ends with everything mended, and with all that was
acknowledged applied, once. The seed decides which faults come; a failure prints it.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from tests.cluster.load import Load, workspaces_of
from tests.cluster.servers import Cluster, running_cluster
from tests.ingest.valkey import Valkey
from tests.system import System, running_system
from tests.waiting import eventually
from worker.embedded.postgres import EmbeddedPostgres
from worker.migrate import bring_up_to_date

_ROUND_SECONDS = 8.0

Fault = Callable[[Cluster, Valkey, random.Random], Awaitable[str]]


async def kill_a_server(cluster: Cluster, _: Valkey, chance: random.Random) -> str:
    server = chance.choice(cluster.servers)
    server.kill()
    await asyncio.sleep(chance.uniform(0, 3))
    await asyncio.to_thread(server.start)
    return f"killed {server.address}"


async def freeze_a_server(cluster: Cluster, _: Valkey, chance: random.Random) -> str:
    server, seconds = chance.choice(cluster.servers), chance.uniform(0.1, 3)
    server.freeze()
    await asyncio.sleep(seconds)
    server.thaw()
    return f"froze {server.address} for {seconds:.1f} s"


async def move_some_slots(cluster: Cluster, _: Valkey, chance: random.Random) -> str:
    if not cluster.is_whole():
        return "moved nothing: not whole"
    moved = chance.sample(range(16), 4)
    for partition in moved:
        source = cluster.owner(partition)
        target = chance.choice([server for server in cluster.servers if server is not source])
        cluster.begin_move(partition, target)
        await asyncio.sleep(chance.uniform(0, 0.3))
        while cluster.move_some_keys(partition, target, chance.randrange(1, 4)):  # noqa: ASYNC110 (a slow move)
            await asyncio.sleep(chance.uniform(0, 0.1))
        cluster.end_move(partition, target)
    return f"moved {moved}"


async def kill_arqs_redis(_: Cluster, arq: Valkey, chance: random.Random) -> str:
    arq.kill()
    await asyncio.sleep(chance.uniform(0, 2))
    await asyncio.to_thread(arq.start)
    return "killed arq's Redis"


_FAULTS: tuple[Fault, ...] = (kill_a_server, freeze_a_server, move_some_slots, move_some_slots, kill_arqs_redis)


async def torture(seconds: float, seed: int, directory: Path) -> None:
    chance = random.Random(seed)
    postgres = EmbeddedPostgres(directory / "postgres")
    (directory / "arq").mkdir()
    arq = Valkey(directory / "arq")
    with running_cluster(directory) as cluster:
        database_url = await asyncio.to_thread(postgres.start)
        await bring_up_to_date(database_url)
        arq.start()
        try:
            async with running_system(cluster.url, database_url, with_worker=False) as system:
                await _go_rounds(system, cluster, arq, chance, seconds)
        finally:
            arq.kill()
            await asyncio.to_thread(postgres.stop)


async def _go_rounds(
    system: System, cluster: Cluster, arq: Valkey, chance: random.Random, seconds: float
) -> None:
    load = Load(system, await workspaces_of(system))
    await system.start_worker(arq_redis_url=arq.url, drains_at_once=16)
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        async with load.going_on():
            round_ends_at = time.monotonic() + _ROUND_SECONDS
            while time.monotonic() < round_ends_at:
                _say(await chance.choice(_FAULTS)(cluster, arq, chance))
            await eventually(_is_whole(cluster), "the cluster to be whole again")
            await load.sees(64)
        await load.balances()
        refused = sum(count for (_, status), count in load.answers.items() if status != 200)
        _say(f"balanced: {len(load.acknowledged)} messages acknowledged, {refused} posts refused")


def _is_whole(cluster: Cluster) -> Callable[[], Awaitable[bool]]:
    async def is_whole() -> bool:
        return cluster.is_whole()

    return is_whole


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)  # noqa: T201 (a command's progress)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="variance-cluster-"))
    directory.chmod(0o711)
    try:
        asyncio.run(torture(given.seconds, given.seed, directory))
    except (AssertionError, ExceptionGroup, asyncpg.PostgresError):
        _say(f"--seed {given.seed} repeats it; the servers' data is in {directory}")
        raise
    sys.exit(0)


if __name__ == "__main__":
    main()
