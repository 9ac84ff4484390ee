"""The whole system for a test: the real endpoint over HTTP, the real queue, the real worker, the real Postgres."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
import orjson
from aiohttp import web

from ingest.app import create_app
from ingest.server import Site
from schemas.connection import secret_sha256
from schemas.partitions import find_partitions
from schemas.queue import accepted_key
from schemas.redis_client import RedisClient
from schemas.redis_commands import run_all
from schemas.settings import WebSettings, WorkerSettings
from tests.waiting import DEADLINE_SECONDS, eventually
from worker.publish import publish_connections
from worker.service import run_worker


@dataclass(slots=True)
class System:
    """A running system, with a connection of each name that a test asks for."""

    redis_url: str
    database_url: str
    redis: RedisClient
    database: "asyncpg.Connection[asyncpg.Record]"
    http: aiohttp.ClientSession
    base_url: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    worker_stop: asyncio.Event = field(default_factory=asyncio.Event)
    worker_task: "asyncio.Task[None] | None" = None

    async def connect(self, name: str, accounts: str = "group", workspace: str = "default", **rules: Any) -> str:
        """Add a connection whose id and secret follow from its name; give its id."""
        workspace_id = await self.database.fetchval(
            """INSERT INTO variance_data.workspaces (name, created_at) VALUES ($1, now())
            ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id""",
            workspace,
        )
        id_ = f"{workspace}{name}".replace("-", "")
        self.secrets[id_] = f"secret-of-{id_}"
        await self.database.execute(
            """INSERT INTO variance_data.connections (id, workspace_id, name, secret_sha256, account_method,
            account_id_trait, account_name_trait, email_fallback, mail_provider_accounts, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
            id_,
            workspace_id,
            name,
            secret_sha256(self.secrets[id_]),
            accounts,
            rules.get("account_id_trait", "company.id"),
            rules.get("account_name_trait", "company.name"),
            rules.get("email_fallback", True),
            rules.get("mail_provider_accounts", False),
            datetime.now(UTC),
        )
        await publish_connections(self.database, self.redis)
        return id_

    def authorization(self, connection: str) -> dict[str, str]:
        """Give the header that opens a connection."""
        credentials = base64.b64encode(f"{self.secrets[connection]}:".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}

    async def post(self, path: str, body: Any, connection: str) -> int:
        """Post JSON; give the answer's status."""
        async with self.http.post(
            self.base_url + path, data=orjson.dumps(body), headers=self.authorization(connection)
        ) as answer:
            await answer.read()
            return answer.status

    async def send(self, *messages: dict[str, Any], connection: str = "defaultmain") -> None:
        """Deliver messages as Segment's partner delivery does, and wait until all is applied."""
        status = await self.post(f"/webhook/{connection}", list(messages), connection)
        assert status == 200, status
        await self.settled()

    async def start_worker(self, **settings: Any) -> None:
        """Start a worker."""
        self.worker_stop = asyncio.Event()
        wanted = WorkerSettings(redis_url=self.redis_url, database_url=self.database_url, **settings)
        self.worker_task = asyncio.create_task(run_worker(wanted, self.worker_stop))

    async def stop_worker(self) -> None:
        """Stop the worker as SIGTERM does."""
        self.worker_stop.set()
        if self.worker_task is not None:
            await self.worker_task
            self.worker_task = None

    async def settled(self) -> None:
        """Wait until every accepted message was settled."""
        await eventually(self._is_settled, "the queue to be settled")

    async def _is_settled(self) -> bool:
        if self.worker_task is not None and self.worker_task.done():
            self.worker_task.result()
        numbers = range((await find_partitions(self.redis)).most)
        counts = await run_all(self.redis, [("GET", accepted_key(number)) for number in numbers])
        ledger = await self.ledger()
        return sum(int(count or 0) for count in counts) == sum(ledger.values())

    async def ledger(self) -> dict[str, int]:
        """Give what became of all messages."""
        row = await self.database.fetchrow(
            """SELECT coalesce(sum(applied), 0)::int AS applied, coalesce(sum(duplicate), 0)::int AS duplicate,
            coalesce(sum(suppressed), 0)::int AS suppressed, coalesce(sum(dead), 0)::int AS dead
            FROM variance_data.ledger"""
        )
        assert row is not None
        return dict(row)

    async def reconnect(self) -> None:
        """Connect to Postgres again, after it was away."""
        self.database.terminate()
        self.database = await asyncpg.connect(self.database_url)

    async def rows(self, view: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """Read a view, sorted."""
        rows = await self.database.fetch(f"SELECT {columns} FROM variance.{view}")  # noqa: S608 (the test's own)
        return sorted((tuple(row) for row in rows), key=repr)

    async def contacts(self) -> dict[str | None, dict[str, Any]]:
        """Give the contacts by external id, with their traits and their account's key."""
        rows = await self.database.fetch(
            """SELECT c.*, a.key AS account, a.source FROM variance.contacts c
            LEFT JOIN variance.accounts a ON a.id = c.account_id AND a.workspace = c.workspace"""
        )
        return {row["external_id"]: dict(row) | {"traits": orjson.loads(row["traits"])} for row in rows}


@asynccontextmanager
async def running_system(
    redis_url: str, database_url: str, *, with_worker: bool = True, **web_settings: Any
) -> AsyncIterator[System]:
    """Start the endpoint and a worker, with a connection `main`."""
    async with AsyncExitStack() as stack:
        redis = RedisClient(redis_url, timeout_seconds=DEADLINE_SECONDS, max_connections=50)
        stack.push_async_callback(redis.aclose)
        database = await asyncpg.connect(database_url)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        system = System(redis_url, database_url, redis, database, http)
        await system.connect("main")
        system.base_url = await stack.enter_async_context(running_endpoint(redis_url, **web_settings))
        if with_worker:
            await system.start_worker()
        try:
            yield system
        finally:
            await system.stop_worker()
            await system.database.close()


@asynccontextmanager
async def running_endpoint(redis_url: str, **settings: Any) -> AsyncIterator[str]:
    """Serve the endpoint on a free port; give its URL."""
    runner = web.AppRunner(create_app(WebSettings(redis_url=redis_url, **settings)), access_log=None)
    await runner.setup()
    try:
        site = Site(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{site.port}"
    finally:
        await runner.cleanup()
