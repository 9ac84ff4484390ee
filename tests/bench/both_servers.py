"""The servers under a benchmark: Valkey and PostgreSQL as `variance up` starts them, on the cores beside the measured.

Each round gets an empty queue and a new database.
"""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from schemas.connection import secret_sha256
from tests.bench.cores import pinned, split
from tests.statements import execute
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.valkey import EmbeddedValkey
from worker.fold.account_rules import AccountRules
from worker.migrate import bring_up_to_date
from worker.publish import publish_connections
from worker.store.connections import NewConnection, insert_connection

CONNECTION, SECRET, WORKSPACE_ID = "bench", "secret-of-bench", 1
_TEMPLATE = "bench_template"


@dataclass
class Servers:
    """Both servers, and the database of the round."""

    redis_url: str
    postgres_url: str
    redis_pid: int
    postgres_pid: int
    database_url: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def renew(self) -> None:
        """Empty the queue, and begin a new database, in place of the last one, with one connection in it."""
        with Redis.from_url(self.redis_url) as redis:
            redis.flushall()
        if self.database_url:
            name = urlsplit(self.database_url).path[1:]
            asyncio.run(execute(self.postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))
        self.add_database()

    def add_database(self) -> str:
        """Begin a new database with one connection in it, beside the others; give its URL."""
        name = f"bench_{next(self._numbers)}"
        asyncio.run(execute(self.postgres_url, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}", "CHECKPOINT"))
        self.database_url = with_database(self.postgres_url, name)
        asyncio.run(self._publish())
        return self.database_url

    async def _publish(self) -> None:
        database = await asyncpg.connect(self.database_url)
        async with AsyncRedis.from_url(self.redis_url) as redis:
            await publish_connections(database, redis)
        await database.close()

    def environ(self, **more: str) -> dict[str, str]:
        """Give the environment of a process on these servers."""
        urls = {"REDIS_URL": self.redis_url, "DATABASE_URL": self.database_url, "LOG_LEVEL": "warning"}
        return {**os.environ, **urls, **more}

    def run_peer(self, module: str, *arguments: object) -> float:
        """Run a benchmark's peer on the measured core; give the number that it prints."""
        command = [sys.executable, "-m", module, *map(str, arguments)]
        with pinned(split()[0]):
            done = subprocess.run(command, env=self.environ(), stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout)

    @contextmanager
    def running_worker(
        self, cores: set[int] | None = None, python: str | Path = sys.executable
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """Run one `worker` process on the measured core, or on these."""
        with pinned(split()[0] if cores is None else cores):
            worker = subprocess.Popen([python, "-m", "worker"], env=self.environ())
        try:
            yield worker
        finally:
            worker.terminate()
            worker.wait()

    def cpu_seconds(self) -> dict[str, float]:
        """Give the processor time that each server has taken so far; of PostgreSQL, all of its processes'."""
        return {"Postgres": cpu_seconds(self.postgres_pid), "Redis": cpu_seconds(self.redis_pid)}


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process and its children, dead or alive, have taken."""
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + (times.children_user + times.children_system if process == root else 0)
    return total


@contextmanager
def running_servers(cores: set[int] | None = None) -> Iterator[Servers]:
    """Start both servers on the cores beside the measured one, or on these; end them and remove their data."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends the benchmark ends its servers
    with tempfile.TemporaryDirectory(prefix="variance-bench-") as directory:
        valkey = EmbeddedValkey(Path(directory) / "valkey", memory_bytes=4 * 1024**3)
        postgres = EmbeddedPostgres(Path(directory) / "postgres")
        try:
            with pinned(split()[1] if cores is None else cores):
                redis_url, postgres_url = valkey.start(), postgres.start()
            assert valkey.pid is not None
            assert postgres.pid is not None
            asyncio.run(_make_template(postgres_url))
            yield Servers(redis_url, postgres_url, valkey.pid, postgres.pid)
        finally:
            valkey.stop()
            postgres.stop()


async def _make_template(postgres_url: str) -> None:
    await execute(postgres_url, f"CREATE DATABASE {_TEMPLATE}")
    url = with_database(postgres_url, _TEMPLATE)
    await bring_up_to_date(url)
    database = await asyncpg.connect(url)
    rules = AccountRules("group")
    await insert_connection(database, NewConnection(CONNECTION, CONNECTION, "bench", secret_sha256(SECRET), rules))
    await database.close()


def everywhere() -> set[int]:
    """Give all cores, for what shares them."""
    measured, others = split()
    return measured | others


def with_database(url: str, name: str) -> str:
    """Give the URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()
