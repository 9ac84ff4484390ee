"""Connections to Postgres and Redis for a command; what cannot be reached is told in one line."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from schemas.redis_addresses import address_of, server_urls
from schemas.redis_away import REDIS_AWAY
from schemas.redis_client import RedisClient
from schemas.redis_url import is_sentinel
from worker.cli.failures import ServerUnavailableError
from worker.cli.servers import Servers
from worker.failure import POSTGRES_AWAY
from worker.failure_reason import reason_of
from worker.store.database import connect

_TIMEOUT_SECONDS = 5.0
_REDIS_CONNECTIONS = 8


@asynccontextmanager
async def open_database(servers: Servers) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Connect to Postgres. Raises ServerUnavailableError where that fails, CommandError where none is known."""
    url = servers.require_database()
    async with AsyncExitStack() as stack:
        try:
            database = await stack.enter_async_context(connect(url))
        except (*POSTGRES_AWAY, ValueError) as failure:
            raise _unavailable("Postgres", "DATABASE_URL", url, failure) from failure
        yield database


async def reachable_database(servers: Servers) -> str:
    """Give the URL of a Postgres that answers, for what would else wait for one. Raises what `open_database` raises."""
    async with open_database(servers):
        return servers.require_database()


@asynccontextmanager
async def open_redis(servers: Servers) -> AsyncIterator[RedisClient]:
    """Connect to Redis. Raises ServerUnavailableError where that fails, CommandError where none is known."""
    url = servers.require_redis()
    redis = RedisClient(url, timeout_seconds=_TIMEOUT_SECONDS, max_connections=_REDIS_CONNECTIONS)
    try:
        try:
            await redis.ping()
        except REDIS_AWAY as failure:
            raise _unavailable("Redis", "REDIS_URL", url, failure) from failure
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def open_arq_redis(servers: Servers, redis: RedisClient) -> AsyncIterator[RedisClient | None]:
    """Give the Redis that has arq's keys; None where it is not known."""
    if servers.arq_redis_url is None:
        yield None if await redis.is_cluster() else redis
        return
    url = servers.arq_redis_url
    async with RedisClient(url, timeout_seconds=_TIMEOUT_SECONDS, max_connections=_REDIS_CONNECTIONS) as arq:
        yield arq


def _unavailable(server: str, variable: str, url: str, failure: BaseException) -> ServerUnavailableError:
    try:
        places = address_of(url) if is_sentinel(url) else ", ".join(map(_place, server_urls(url)))
    except ValueError:
        return ServerUnavailableError(f"{variable} is no URL of a server")
    if isinstance(failure, ValueError) and not isinstance(failure, asyncpg.InterfaceError | OSError):
        return ServerUnavailableError(f"{variable} is no URL of a server")
    return ServerUnavailableError(f"{server} at {places} cannot be used: {reason_of(failure)}")


def _place(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}" if parts.hostname else parts.path or "localhost"
