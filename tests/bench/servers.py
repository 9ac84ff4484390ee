"""The servers that the edge's benchmark needs: a Valkey, one `web` process, and its peers, each on its core."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

import psutil
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import ResponseError

from schemas.partitions import NEVER_CHANGED
from schemas.queue import stream_key
from tests.bench.cores import pinned, split
from tests.ingest.edge import CONNECTION, publish
from worker.embedded.valkey import EmbeddedValkey


class Served:
    """A server process that is measured."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.port = port
        self._process = psutil.Process(process.pid)

    def cpu_seconds(self) -> float:
        """Give the processor's time that the process has had."""
        times = self._process.cpu_times()
        return times.user + times.system

    def resident_mib(self) -> float:
        """Give the memory that the process has resident."""
        return self._process.memory_info().rss / 1024**2


@contextmanager
def embedded_valkey() -> Iterator[str]:
    """Run a durable Valkey beside the measured core; give its URL."""
    with tempfile.TemporaryDirectory() as directory:
        valkey = EmbeddedValkey(Path(directory))
        with pinned(split()[1]):
            url = valkey.start()
        try:
            yield url
        finally:
            valkey.stop()


@contextmanager
def web(redis_url: str, python: str | Path = sys.executable) -> Iterator[Served]:
    """Run one `web` process that knows the tests' connection."""
    asyncio.run(_publish(redis_url))
    environment = {"REDIS_URL": redis_url, "HOST": "127.0.0.1", "PORT": "0"}
    with _process([python, "-m", "ingest"], environment, _logged_port) as served:
        yield served


@contextmanager
def peer(name: str, redis_url: str) -> Iterator[Served]:
    """Run one of `edge_peers`."""
    with _process(
        [sys.executable, "-m", "tests.bench.edge_peers", name], {"REDIS_URL": redis_url}, _printed_port
    ) as served:
        yield served


def empty_queue(redis_url: str) -> None:
    """Throw away what was acknowledged, in Redis' memory and log, so that each measurement begins alike."""
    with Redis.from_url(redis_url) as redis:
        redis.delete(*map(stream_key, range(NEVER_CHANGED.most)), *redis.keys("arq:*"))
        with suppress(ResponseError):  # one is under way already
            redis.bgrewriteaof()
        while redis.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.05)


@contextmanager
def _process(
    command: Sequence[str | Path], environment: Mapping[str, str], port_of: Callable[["subprocess.Popen[str]"], int]
) -> Iterator[Served]:
    with ExitStack() as stack, pinned(split()[0]):
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        served = Served(process, port_of(process))
        stack.pop_all()
    try:
        yield served
    finally:
        process.terminate()
        process.communicate()


def _printed_port(process: "subprocess.Popen[str]") -> int:
    return int(cast("IO[str]", process.stdout).readline())


def _logged_port(process: "subprocess.Popen[str]") -> int:
    for line in cast("IO[str]", process.stderr):
        record = json.loads(line)
        if record["event"] == "listening":
            return int(record["port"])
    raise RuntimeError("the web process ended")


async def _publish(redis_url: str) -> None:
    async with AsyncRedis.from_url(redis_url) as redis:
        await publish(redis, CONNECTION)
