"""How long recovery takes, as a distribution: `python -m tests.faults.recovery --times N [--write]`.

Under a steady load on real processes. `--write` puts the table where the README quotes it from.
"""

import argparse
import asyncio
import os
import signal
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from schemas.partitions import NEVER_CHANGED
from schemas.queue import stream_key
from tests.faults.producer import Producer, authorization, sending
from tests.faults.rig import Rig, new_directory, open_rig
from tests.faults.verdict import judge

_TABLE = Path(__file__).parent / "results" / "recovery.md"
_POLL_SECONDS = 0.002


async def worker_killed(rig: Rig) -> float:
    """From the death of a worker within a transaction until others have drained all that waited then."""
    mortal = rig.worker_program("mortal")
    mortal.start(VARIANCE_CRASH_AT="before_commit:2")
    await _until(lambda: not mortal.is_alive)
    died_at = time.monotonic()
    last = [await _last_id(rig, partition) for partition in range(NEVER_CHANGED.most)]
    for partition, until in enumerate(last):
        while await rig.redis.xrange(stream_key(partition), "-", until, count=1):  # noqa: ASYNC110 (of a server)
            await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic() - died_at


async def endpoint_killed(rig: Rig) -> float:
    """From the start of another endpoint until a post is acknowledged."""
    rig.web.kill()
    started_at = time.monotonic()
    rig.web.start()
    await _acknowledged(rig)
    return time.monotonic() - started_at


async def redis_back(rig: Rig) -> float:
    """From Redis' first answer after a kill until a message is acknowledged and applied."""
    return await _back(rig, rig.valkey.start, rig.valkey.pid, signal.SIGKILL)


async def redis_thawed(rig: Rig) -> float:
    """From the end of a freeze of 3 s until a message is acknowledged and applied."""
    assert rig.valkey.pid is not None
    os.kill(rig.valkey.pid, signal.SIGSTOP)
    await asyncio.sleep(3)
    os.kill(rig.valkey.pid, signal.SIGCONT)
    return await _served(rig)


async def postgres_back(rig: Rig) -> float:
    """From Postgres' first answer after an immediate stop until a message is acknowledged and applied."""
    return await _back(rig, rig.postgres.start, rig.postgres.pid, signal.SIGQUIT)


MEASURED: dict[str, Callable[[Rig], Awaitable[float]]] = {
    "a worker is killed → its partitions are drained by another": worker_killed,
    "web is started again after a kill → a post is acknowledged": endpoint_killed,
    "Redis is back after a kill → a post is acknowledged and applied": redis_back,
    "Redis goes on after 3 s frozen → a post is acknowledged and applied": redis_thawed,
    "Postgres is back after a kill → a post is acknowledged and applied": postgres_back,
}


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (of another process)
        await asyncio.sleep(_POLL_SECONDS)


async def _back(rig: Rig, start: Callable[[], str], pid: int | None, number: signal.Signals) -> float:
    assert pid is not None
    os.kill(pid, number)
    server = rig.valkey if start == rig.valkey.start else rig.postgres
    await _until(lambda: server.pid is None)
    await asyncio.sleep(1)
    await asyncio.to_thread(start)
    return await _served(rig)


async def _served(rig: Rig) -> float:
    """Give how long from now until a new message is acknowledged and applied."""
    begun_at = time.monotonic()
    message_id = await _acknowledged(rig)
    while True:
        try:
            if await rig.pool.fetchval("SELECT 1 FROM variance_data.messages WHERE message_id = $1", message_id):
                return time.monotonic() - begun_at
        except OSError:
            pass
        await asyncio.sleep(_POLL_SECONDS)


async def _acknowledged(rig: Rig) -> str:
    message_id = f"probe-{time.monotonic_ns()}"
    body = {"userId": "probe", "event": "Probed", "messageId": message_id}
    url = f"http://127.0.0.1:{rig.links['producer_web'].port}/v1/track"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.5)) as http:
        while True:
            try:
                async with http.post(url, json=body, headers=authorization("f0g")) as answer:
                    if answer.status == 200:
                        return message_id
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            await asyncio.sleep(_POLL_SECONDS)


async def _last_id(rig: Rig, partition: int) -> str:
    rows = await rig.redis.xrevrange(stream_key(partition), "+", "-", count=1)
    return str(rows[0][0].decode()) if rows else "0-1"


async def measure(rig: Rig, times: int) -> str:
    """Give the table."""
    lines = ["| | median | 95 % | worst |", "| --- | --- | --- | --- |"]
    await rig.new_workspaces(1)
    for title, once in MEASURED.items():
        taken: list[float] = []
        for _ in range(times):
            await rig.heal()
            producer: Producer = await rig.new_producer(len(taken))
            producer.senders, producer.pause_seconds = 1, 0.05
            pids = rig.pids()[1:]
            async with sending(producer):
                await producer.sees("acknowledged", 20)
                taken.append(await once(rig))
            await judge(rig, producer)
            assert pids == rig.pids()[1:], "a worker had to be started again"
        ordered = sorted(taken)
        shown = (statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))], ordered[-1])
        lines.append(f"| {title} | {' | '.join(f'{seconds:.2f} s' for seconds in shown)} |")
        print(lines[-1], flush=True)  # noqa: T201 (what the command is for)
    return "\n".join(lines) + "\n"


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    async with open_rig(new_directory("recovery")) as rig:
        table = await measure(rig, given.times)
    if given.write:
        _TABLE.parent.mkdir(exist_ok=True)
        _TABLE.write_text(table)


if __name__ == "__main__":
    asyncio.run(_main())
