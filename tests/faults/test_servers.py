"""Redis and Postgres that are killed, frozen, full, emptied or locked, while messages keep coming."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import asyncpg
import psutil
import pytest

from schemas.partitions import NEVER_CHANGED
from schemas.queue import stream_key
from tests.faults.producer import sending
from tests.faults.rig import Rig, family, signal_all
from tests.faults.verdict import judge
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


def kill(pid: int | None, number: signal.Signals = signal.SIGKILL) -> None:
    assert pid is not None
    os.kill(pid, number)


async def gone(rig: Rig, server: str) -> None:
    async def is_gone() -> bool:
        return getattr(rig, server).pid is None

    await eventually(is_gone, f"{server} to be gone")


async def serves_again(rig: Rig) -> bool:
    """Start what has ended, which may take its time to."""
    await rig.start_servers()
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return await rig.pool.fetchval("SELECT true") is True
    return False


@pytest.mark.parametrize("server", ["valkey", "postgres"])
async def test_a_server_killed_again_and_again_loses_and_doubles_nothing(rig: Rig, seed: int, server: str) -> None:
    producer = await rig.new_producer(seed)
    pids = rig.pids()
    async with sending(producer):
        for _ in range(3):
            await producer.sees("acknowledged")
            kill(getattr(rig, server).pid)
            await gone(rig, server)
            if server == "valkey":
                await producer.sees("refused", 3)
            await rig.start_servers()
    await judge(rig, producer)
    assert rig.pids() == pids, "a process did not outlive it"


async def test_both_servers_killed_together_lose_and_double_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged")
        kill(rig.postgres.pid, signal.SIGQUIT)  # "immediate": without a checkpoint, all sessions cut
        kill(rig.valkey.pid)
        await gone(rig, "valkey")
        await gone(rig, "postgres")
        await rig.start_servers()
        await producer.sees("acknowledged")
    await judge(rig, producer)


@pytest.mark.parametrize("server", ["valkey", "postgres"])
async def test_a_frozen_server_delays_and_nothing_else(rig: Rig, seed: int, server: str) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged")
        frozen = family(getattr(rig, server).pid)
        signal_all(frozen, signal.SIGSTOP)
        await producer.sees("refused" if server == "valkey" else "acknowledged", 6)
        signal_all(frozen, signal.SIGCONT)
        await producer.sees("acknowledged")
    await judge(rig, producer)


async def test_streams_whose_ids_are_ahead_of_the_clock_go_on(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    for partition in range(NEVER_CHANGED.most):
        key = stream_key(partition)
        await rig.redis.xadd(key, {"ours:later": "{}"}, id="9999999999999-0")
        await rig.redis.xdel(key, "9999999999999-0")
    async with sending(producer):
        await producer.sees("acknowledged", 20)
    await judge(rig, producer)
    assert (await rig.redis.xinfo_stream(stream_key(0)))["last-generated-id"] >= b"9999999999999-0"
    for partition in range(NEVER_CHANGED.most):
        await rig.redis.delete(stream_key(partition))


async def test_without_arqs_keys_and_without_room_for_connections_all_goes_on(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        for _ in range(10):
            await producer.sees("acknowledged", 1)
            if keys := await rig.redis.keys("arq:*"):
                await rig.redis.delete(*keys)
        await rig.redis.config_set("maxclients", 1)
        for link in ("web_redis", "worker_redis"):
            rig.links[link].reset()
        await producer.sees("refused", 3)
        await rig.redis.config_set("maxclients", 10000)
        await producer.sees("acknowledged")
    await judge(rig, producer)


async def test_a_redis_without_memory_refuses_is_drained_and_takes_posts_again(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged")
        await rig.redis.config_set("maxmemory", 1)
        await producer.sees("refused")

        async def is_drained() -> bool:
            return not any([await rig.redis.xlen(stream_key(partition)) for partition in range(NEVER_CHANGED.most)])

        await eventually(is_drained, "the full Redis to be drained")
        await rig.redis.config_set("maxmemory", 0)
        await producer.sees("acknowledged")
    await judge(rig, producer)


@contextmanager
def no_file_may_grow(pid: int | None, at_most_bytes: int) -> Iterator[None]:
    """Have every write beyond a size fail, as on a full disk, for a process and its children."""
    assert pid is not None
    limited = family(pid)
    for process in limited:
        _limit_files(process, str(at_most_bytes))
    try:
        yield
    finally:
        for process in limited:
            _limit_files(process, "unlimited")


def _limit_files(process: psutil.Process, at_most_bytes: str) -> None:
    with suppress(psutil.NoSuchProcess):  # Postgres' own come and go
        # As whom it runs: Postgres is another user's where the tests are root's.
        done = subprocess.run(
            ["prlimit", f"--pid={process.pid}", f"--fsize={at_most_bytes}:unlimited"],
            check=False,
            user=process.uids().real,
            group=process.gids().real,
        )
        assert done.returncode == 0 or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


async def test_when_redis_has_no_disk_left_posts_are_refused_until_it_has(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged")
        with no_file_may_grow(rig.valkey.pid, 1):
            await gone(rig, "valkey")  # with `appendfsync always` it ends rather than lie
            await producer.sees("refused")
        await rig.start_servers()
        await producer.sees("acknowledged")
    await judge(rig, producer)


async def test_when_postgres_has_no_disk_left_messages_wait_until_it_has(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged")
        with no_file_may_grow(rig.postgres.pid, 8192):
            await producer.sees("acknowledged", 20)
        await eventually(partial(serves_again, rig), "Postgres to serve again")
        await producer.sees("acknowledged")
    await judge(rig, producer)


async def test_locks_of_others_and_deadlocks_with_them_delay_and_nothing_else(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed, workspaces=1)  # whose partitions are drained at once, on the same rows
    async with sending(producer):
        await producer.sees("acknowledged", 20)
        async with rig.pool.acquire() as other, other.transaction():
            await other.execute("LOCK TABLE variance_data.contacts")
            await producer.sees("acknowledged", 20)
        for _ in range(3):
            await _lock_backwards(rig)
    await judge(rig, producer)


async def _lock_backwards(rig: Rig) -> None:
    """Take rows one by one, in the order that is not the workers'; whoever is found in a deadlock begins anew."""
    async with rig.pool.acquire() as other:
        rows = await other.fetch("SELECT id FROM variance_data.accounts ORDER BY workspace_id DESC, id DESC LIMIT 6")
        with suppress(asyncpg.DeadlockDetectedError):
            async with other.transaction():
                for row in rows:
                    await other.execute("SELECT FROM variance_data.accounts WHERE id = $1 FOR UPDATE", row["id"])
                    await asyncio.sleep(0.02)  # so that a worker comes between


async def test_everything_killed_and_started_again_an_hour_later_goes_on(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    async with sending(producer):
        await producer.sees("acknowledged", 20)
        rig.web.kill()
        kill(rig.valkey.pid)
        kill(rig.postgres.pid, signal.SIGQUIT)
        await gone(rig, "valkey")
        await gone(rig, "postgres")
        _tear_the_log(rig)
        await rig.start_servers()
        web = rig.web_program("later-web", "tests.faults.altered", "ingest", "hour_ahead")
        worker = rig.worker_program("later-worker", "tests.faults.altered", "worker", "hour_ahead")
        web.start()
        worker.start()
        await producer.sees("acknowledged", 20)
    await judge(rig, producer)


def _tear_the_log(rig: Rig) -> None:
    """Leave half a command at the end of Redis' log, as a crash in the middle of a write does."""
    (log,) = (rig.directory / "valkey" / "data" / "appendonlydir").glob("*.incr.aof")
    with log.open("ab") as file:
        file.write(b"*5\r\n$4\r\nXADD\r\n$14\r\nvariance:{p")
