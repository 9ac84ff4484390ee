"""A running edge, and what a sender and an onlooker do with it."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import aiohttp
import msgspec
from aiohttp import web
from redis.asyncio import Redis

from ingest.app import create_app
from ingest.server import Site
from schemas.connection import (
    CONNECTIONS_KEY,
    CONNECTIONS_VERSION_KEY,
    PublishedConnection,
    PublishedSecret,
    secret_sha256,
)
from schemas.partitions import NEVER_CHANGED
from schemas.queue import QueuedMessage, QueuedRefusal, accepted_key, read_pair, stream_key
from schemas.settings import WebSettings

SECRET = "s3cret-of-the-default-connection"  # noqa: S105 (a test's)
CONNECTION = PublishedConnection(
    id="c0ffee", workspace_id=7, name="default", is_enabled=True, secrets=[PublishedSecret(secret_sha256(SECRET))]
)
TRACK = {"type": "track", "event": "Login Button Clicked", "userId": "u1", "messageId": "m1"}


class Answer(NamedTuple):
    status: int
    json: Any
    headers: Mapping[str, str]


class Edge:
    def __init__(self, port: int, session: aiohttp.ClientSession, redis: "Redis") -> None:
        self.port = port
        self.redis = redis
        self._session = session

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        async with self._session.request(method, f"http://127.0.0.1:{self.port}{path}", **options) as response:
            assert response.content_type == "application/json"
            return Answer(response.status, json.loads(await response.read()), response.headers)

    async def get(self, path: str) -> Answer:
        return await self.request("GET", path)

    async def post(
        self, path: str, message: Any = None, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Post JSON, or bytes; with the secret of the default connection unless other headers are given."""
        data = json.dumps(message).encode() if body is None else body
        return await self.request("POST", path, data=data, headers=basic(SECRET) if headers is None else headers)

    async def pairs(self) -> list[QueuedMessage]:
        return [read_pair(field, value) for entry in await self.entries() for field, value in entry]

    async def messages(self) -> list[dict[str, Any]]:
        return [json.loads(pair.value) for pair in await self.pairs() if pair.is_accepted]

    async def refusals(self) -> list[QueuedRefusal]:
        pairs = await self.pairs()
        return [msgspec.json.decode(pair.value, type=QueuedRefusal) for pair in pairs if not pair.is_accepted]

    async def entries(self) -> list[list[tuple[bytes, bytes]]]:
        return [entry for partition in range(NEVER_CHANGED.most) for entry in await self._entries_of(partition)]

    async def accepted_count(self) -> int:
        return sum([int(await self.redis.get(accepted_key(partition)) or 0) for partition in range(NEVER_CHANGED.most)])

    async def _entries_of(self, partition: int) -> list[list[tuple[bytes, bytes]]]:
        reply = cast("list[Any]", await raw_command(self.redis, "XRANGE", stream_key(partition), "-", "+"))
        return [list(zip(words[::2], words[1::2], strict=True)) for _, words in reply]


def basic(user: str, *, colon: str = ":") -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode((user + colon).encode()).decode()}"}


async def raw_command(redis: "Redis", *words: str) -> Any:
    """Give a reply as Redis sent it: the client's own reading of an entry drops repeated fields."""
    connection = await redis.connection_pool.get_connection()
    try:
        await connection.send_command(*words)
        return await connection.read_response()
    finally:
        await redis.connection_pool.release(connection)


async def publish(redis: "Redis", *connections: PublishedConnection) -> None:
    """Publish these connections and no others."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.delete(CONNECTIONS_KEY)
        for connection in connections:
            pipe.hset(CONNECTIONS_KEY, connection.id, msgspec.json.encode(connection).decode())
        pipe.incr(CONNECTIONS_VERSION_KEY)
        await pipe.execute()


@asynccontextmanager
async def running_edge(redis_url: str, **settings: Any) -> AsyncIterator[Edge]:
    runner = web.AppRunner(create_app(WebSettings(redis_url=redis_url, **settings)), shutdown_timeout=5)
    await runner.setup()
    site = Site(runner, "127.0.0.1", 0)
    await site.start()
    redis = Redis.from_url(redis_url)
    connector = aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Edge(site.port, session, redis)
    finally:
        await redis.aclose()
        await runner.cleanup()
