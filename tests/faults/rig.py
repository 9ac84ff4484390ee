"""The whole system as processes on private servers, with a proxy between every pair of parts.

    producer ─▶ web ─▶ redis        worker ─▶ redis, postgres        cli ─▶ redis, postgres

One worker and the commands share no proxy, so that a test can break one link and look on over another.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import psutil
from redis.asyncio import Redis

from schemas.connection import secret_sha256
from tests.convergence.worlds import METHODS
from tests.faults.ledger import Ledger
from tests.faults.producer import Producer, secret_of
from tests.faults.program import Program
from tests.faults.proxy import Proxy, proxy_to
from tests.waiting import eventually
from worker.embedded.address import free_port
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.valkey import EmbeddedValkey
from worker.migrate import bring_up_to_date
from worker.publish import publish_connections

WEB_SETTINGS = {"HOST": "127.0.0.1", "REDIS_TIMEOUT_SECONDS": "1", "SHUTDOWN_SECONDS": "5"}
WORKER_SETTINGS = {"REDIS_TIMEOUT_SECONDS": "1", "STATEMENT_TIMEOUT_SECONDS": "2", "SHUTDOWN_SECONDS": "5"}
LINKS = ("producer_web", "web_redis", "worker_redis", "worker_postgres", "cli_redis", "cli_postgres")


@dataclass
class Rig:
    """The parts. `redis` and `database` are the test's own connections, past all proxies."""

    directory: Path
    valkey: EmbeddedValkey
    postgres: EmbeddedPostgres
    redis_url: str
    database_url: str
    links: dict[str, Proxy]
    redis: Redis
    pool: "asyncpg.Pool[asyncpg.Record]"
    worker_module: tuple[str, ...]
    web: Program = field(init=False)
    workers: list[Program] = field(init=False)
    _further: list[Program] = field(default_factory=list)
    is_spoilt: bool = False
    """Something was lost or miscounted, so that the books will never balance again."""
    _workspaces: int = 0
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.web = self._web("web", ("ingest",), {})
        self.workers = [self._worker(f"worker{number}", self.worker_module, {}) for number in range(2)]

    def url_over(self, link: str) -> str:
        """Give the URL of the server at the end of a link, by way of its proxy."""
        direct = self.redis_url if link.endswith("redis") else self.database_url
        parts = urlsplit(direct)
        proxied = f"{parts.username}:{parts.password}@127.0.0.1:{self.links[link].listens_on}"
        return parts._replace(netloc=proxied).geturl()

    def worker_program(self, name: str, *module: str, **environ: str) -> Program:
        """Make a further worker, which is not started yet and which `heal` ends; by default the product's own."""
        self._further.append(self._worker(name, module or ("worker",), environ))
        return self._further[-1]

    def _web(self, name: str, module: tuple[str, ...], environ: dict[str, str]) -> Program:
        return Program(
            self.directory / f"{name}.log",
            *module,
            REDIS_URL=self.url_over("web_redis"),
            PORT=str(self.links["producer_web"].port),
            **(WEB_SETTINGS | environ),
        )

    def _worker(self, name: str, module: tuple[str, ...], environ: dict[str, str]) -> Program:
        return Program(
            self.directory / f"{name}.log",
            *module,
            REDIS_URL=self.url_over("worker_redis"),
            DATABASE_URL=self.url_over("worker_postgres"),
            **(WORKER_SETTINGS | environ),
        )

    def web_program(self, name: str, *module: str, **environ: str) -> Program:
        """Make a further endpoint, in place of the first, as `worker_program` does."""
        self._further.append(self._web(name, module or ("ingest",), environ))
        return self._further[-1]

    def pids(self) -> list[int]:
        """Give the pids of the endpoint and the workers, of those that run."""
        return [program.pid for program in (self.web, *self.workers) if program.is_alive]

    async def serving(self) -> None:
        """Wait until the endpoint says that it is ready."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:

            async def is_ready() -> bool:
                try:
                    async with http.get(f"{self.links['producer_web'].url}/health/ready") as answer:
                        return answer.status == 200
                except (aiohttp.ClientError, OSError, TimeoutError):
                    return False

            await eventually(is_ready, "the endpoint to be ready")

    async def heal(self) -> None:
        """Have everything run again as at the beginning, whatever a test did to it; as a supervisor would."""
        for proxy in self.links.values():
            proxy.heal()
        for program in (self.web, *self.workers, *self._further):
            program.thaw()
        self.thaw_servers()
        await self.start_servers()
        for name, value in (("maxclients", 10000), ("maxmemory", 0)):
            await self.redis.config_set(name, value)
        for program in self._further:
            program.kill()
        self._further.clear()
        if self.is_spoilt:
            await self._forget()
        for program in (self.web, *self.workers):
            program.start_if_dead()
        await self.serving()
        for worker in self.workers:
            await asyncio.to_thread(worker.wait_until_running)

    async def _forget(self) -> None:
        """Empty both servers."""
        await self.redis.flushall()
        tables = await self.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'variance_data'")
        names = ", ".join(f"variance_data.{table['tablename']}" for table in tables)
        await self.pool.execute(f"TRUNCATE {names} CASCADE")
        async with self.pool.acquire() as database:
            await publish_connections(database, self.redis)
        self.is_spoilt = False

    def end(self) -> None:
        """Kill all processes, and thaw the servers, which are stopped by whoever started them."""
        for program in (self.web, *self.workers, *self._further):
            program.kill()
        self.thaw_servers()

    async def start_servers(self) -> None:
        """Start the servers that do not run."""
        async with self._starting:  # a server that is started by two at once is none
            for server in (self.valkey, self.postgres):
                if server.pid is None:
                    await asyncio.to_thread(server.start)

    def thaw_servers(self) -> None:
        """Let go on what is frozen."""
        for pid in (self.valkey.pid, self.postgres.pid):
            if pid is not None:
                signal_all(family(pid), signal.SIGCONT)

    async def new_workspaces(self, count: int) -> list[str]:
        """Make workspaces with a connection of each account method, and publish them."""
        names = [f"f{self._workspaces + number}" for number in range(count)]
        self._workspaces += count
        async with self.pool.acquire() as database, database.transaction():
            for name in names:
                workspace_id = await database.fetchval(
                    "INSERT INTO variance_data.workspaces (name, created_at) VALUES ($1, now()) RETURNING id", name
                )
                for connection, method in METHODS.items():
                    id_ = f"{name}{connection}"
                    await database.execute(
                        """INSERT INTO variance_data.connections (id, workspace_id, name, secret_sha256,
                        account_method, account_id_trait, account_name_trait, email_fallback, mail_provider_accounts,
                        created_at) VALUES ($1, $2, $3, $4, $5, 'company.id', 'company.name', true, false, now())""",
                        id_, workspace_id, connection, secret_sha256(secret_of(id_)), method,
                    )  # fmt: skip
            await publish_connections(database, self.redis)
        return names

    async def new_producer(self, seed: int, workspaces: int = 6) -> Producer:
        """Make a sender with workspaces and a ledger of its own."""
        names = await self.new_workspaces(workspaces)
        ledger = Ledger(self.directory / f"ledger-{names[0]}.ndjson")
        return Producer(seed, self.links["producer_web"].url, ledger, names)


def family(pid: int) -> list[psutil.Process]:
    """Give a process and all its children."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def new_directory(name: str) -> Path:
    """Make a directory for a rig that stays for whoever looks into its logs; Postgres, as another user, may pass."""
    directory = Path(tempfile.mkdtemp(prefix=f"variance-{name}-"))
    directory.chmod(0o711)
    return directory


@asynccontextmanager
async def open_rig(directory: Path, *worker_module: str) -> AsyncIterator[Rig]:
    """Start everything, the workers by default as the product's own."""
    valkey, postgres = EmbeddedValkey(directory / "valkey"), EmbeddedPostgres(directory / "postgres")
    async with AsyncExitStack() as stack:
        for server in (valkey, postgres):
            stack.push_async_callback(asyncio.to_thread, server.stop)
        redis_url, database_url = await asyncio.gather(
            asyncio.to_thread(valkey.start), asyncio.to_thread(postgres.start)
        )
        await bring_up_to_date(database_url)
        ports: dict[str, int] = {"web": free_port()}
        for name, url in (("redis", redis_url), ("postgres", database_url)):
            ports[name] = urlsplit(url).port or 0
        links = {
            link: await stack.enter_async_context(proxy_to("127.0.0.1", ports[link.rpartition("_")[2]]))
            for link in LINKS
        }
        redis = Redis.from_url(redis_url)
        stack.push_async_callback(redis.aclose)
        pool = await stack.enter_async_context(asyncpg.create_pool(database_url, min_size=0, max_size=4))
        rig = Rig(
            directory=directory,
            valkey=valkey,
            postgres=postgres,
            redis_url=redis_url,
            database_url=database_url,
            links=links,
            redis=redis,
            pool=pool,
            worker_module=worker_module or ("worker",),
        )
        try:
            await rig.heal()
            yield rig
        finally:
            rig.end()
