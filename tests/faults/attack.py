"""What honest senders notice of attacks: `python -m tests.faults.attack [--seconds S] [--rounds N] [--write]`.

One `web` process on a core of its own; Redis, the honest senders and the attackers on the others, the attackers with
less of a right to them. Honest senders post at a steady rate. `--write` puts the table where the README quotes it from.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import psutil
from redis.asyncio import Redis

from tests.bench.cores import machine, pinned, split
from tests.bench.servers import empty_queue
from tests.faults.attackers import ATTACKS
from tests.ingest.edge import CONNECTION, SECRET, publish
from tests.ingest.test_budget import FLOODING, FLOODING_SECRET
from worker.embedded.valkey import EmbeddedValkey

_RESULTS = Path(__file__).parent / "results" / "attack.md"
_ROOT = Path(__file__).parents[2]
_HONEST_POSTS_PER_SECOND, _HONEST_SOCKETS = 300, 16
_NICE = 10
_HEADINGS = ("attack", "honest p99 without", "with", "ratio", "memory of `web` without", "with", "attackers got")


@contextmanager
def _running(*arguments: str, cores: set[int], **environ: str) -> Iterator["subprocess.Popen[str]"]:
    with pinned(cores):
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=_ROOT, text=True, env={"PATH": os.environ["PATH"]} | environ,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _web(redis_url: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run the endpoint, as its settings are by default; give its port."""
    with _running(
        "ingest", cores=split()[0], REDIS_URL=redis_url, HOST="127.0.0.1", PORT="0", LOG_LEVEL="error"
    ) as web:
        process = psutil.Process(web.pid)
        yield _listening_port(process), process


def _listening_port(process: psutil.Process) -> int:
    while True:
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                return int(connection.laddr.port)


async def _honest(port: int, seconds: float) -> float:
    """Post at a steady rate; give the 99th percentile in milliseconds. Fails where a post is not acknowledged."""
    with pinned(split()[1]):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.posts", "--port", str(port), "--secret", SECRET, "--messages", "1",
            "--seconds", str(seconds), "--connections", str(_HONEST_SOCKETS), "--rate", str(_HONEST_POSTS_PER_SECOND),
            cwd=_ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("an honest post was not acknowledged")
    return float(json.loads(said)["p99_ms"])


async def _honest_watched(port: int, seconds: float, web: psutil.Process) -> tuple[float, float]:
    """Give the 99th percentile, and the most memory of the endpoint meanwhile, in MiB."""
    measuring = asyncio.create_task(_honest(port, seconds))
    most_bytes = 0
    while not measuring.done():
        most_bytes = max(most_bytes, web.memory_info().rss)
        await asyncio.wait([measuring], timeout=0.05)
    return await measuring, most_bytes / 1024**2


async def _round(name: str, redis_url: str, seconds: float) -> dict[str, Any]:
    with _web(redis_url) as (port, web):
        await _honest(port, 1)
        without_ms, without_mib = await _honest_watched(port, seconds, web)
        with _running("tests.faults.attackers", name, str(port), FLOODING_SECRET, cores=split()[1]) as attackers:
            psutil.Process(attackers.pid).nice(_NICE)
            await asyncio.to_thread(cast("IO[str]", attackers.stdout).readline)  # it is under way
            with_ms, with_mib = await _honest_watched(port, seconds, web)
            attackers.kill()
            statuses = json.loads(cast("IO[str]", attackers.stdout).read().splitlines()[-1])
    empty_queue(redis_url)
    return {
        "without_ms": without_ms, "with_ms": with_ms, "without_mib": without_mib, "with_mib": with_mib,
        "statuses": statuses,
    }  # fmt: skip


def _row(name: str, sockets: int, rounds: list[dict[str, Any]]) -> str:
    def median(figure: str) -> float:
        return float(statistics.median(each[figure] for each in rounds))

    ratio = statistics.median(each["with_ms"] / each["without_ms"] for each in rounds)
    statuses = ", ".join(f"{count:,} times {status}" for status, count in sorted(rounds[-1]["statuses"].items()))
    return (
        f"| {name}, {sockets:,} sockets | {median('without_ms'):.1f} ms | {median('with_ms'):.1f} ms | {ratio:.1f} "
        f"| {median('without_mib'):.0f} MiB | {max(each['with_mib'] for each in rounds):.0f} MiB "
        f"| {statuses or 'nothing'} |"
    )


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=ATTACKS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    lines = [f"| {' | '.join(_HEADINGS)} |", "| --- " * len(_HEADINGS) + "|"]
    with tempfile.TemporaryDirectory() as directory:
        valkey = EmbeddedValkey(Path(directory))
        with pinned(split()[1]):
            redis_url = await asyncio.to_thread(valkey.start)
        try:
            async with Redis.from_url(redis_url) as redis:
                await publish(redis, CONNECTION, FLOODING)
            for name, (_, sockets) in ATTACKS.items():
                if given.only in (None, name):
                    rounds = [await _round(name, redis_url, given.seconds) for _ in range(given.rounds)]
                    lines.append(_row(name, sockets, rounds))
                    print(lines[-1], flush=True)  # noqa: T201 (what the command is for)
        finally:
            valkey.stop()
    if given.write:
        command = f"`python -m tests.faults.attack --seconds {given.seconds:g} --rounds {given.rounds}`, on {machine()}"
        what = f"Honest senders: {_HONEST_POSTS_PER_SECOND} posts/s over {_HONEST_SOCKETS} sockets, all acknowledged."
        _RESULTS.write_text("\n".join([f"{command}. {what} Medians of the rounds.", "", *lines, ""]))


if __name__ == "__main__":
    asyncio.run(_main())
