"""Connections to Postgres and Redis for a command; what cannot be reached is told in one line."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.redis_url import with_host_check
from worker.cli.failures import ServerUnavailableError
from worker.cli.servers import Servers
from worker.failure_reason import reason_of
from worker.store.database import connect

_TIMEOUT_SECONDS = 5.0


@asynccontextmanager
async def open_database(servers: Servers) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Connect to Postgres. Raises ServerUnavailableError where that fails, CommandError where none is known."""
    url = servers.require_database()
    async with AsyncExitStack() as stack:
        try:
            database = await stack.enter_async_context(connect(url))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as failure:
            raise _unavailable("Postgres", "DATABASE_URL", url, failure) from failure
        yield database


@asynccontextmanager
async def open_redis(servers: Servers) -> AsyncIterator[Redis]:
    """Connect to Redis. Raises ServerUnavailableError where that fails, CommandError where none is known."""
    url = servers.require_redis()
    try:
        redis = Redis.from_url(
            with_host_check(url), socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        )
    except ValueError as failure:
        raise _unavailable("Redis", "REDIS_URL", url, failure) from failure
    try:
        try:
            await redis.ping()
        except (RedisError, OSError) as failure:
            raise _unavailable("Redis", "REDIS_URL", url, failure) from failure
        yield redis
    finally:
        await redis.aclose()


def _unavailable(server: str, variable: str, url: str, failure: BaseException) -> ServerUnavailableError:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        place = f"{parts.hostname}{port}" if parts.hostname else parts.path or "localhost"
    except ValueError:
        return ServerUnavailableError(f"{variable} is no URL of a server")
    if isinstance(failure, ValueError) and not isinstance(failure, asyncpg.InterfaceError | OSError):
        return ServerUnavailableError(f"{variable} is no URL of a server")
    return ServerUnavailableError(f"{server} at {place} cannot be used: {reason_of(failure)}")
