"""arq's side of a worker: its client, its jobs as JSON, and a worker of its that ends cleanly."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
from arq import ArqRedis, Worker
from redis.exceptions import OutOfMemoryError, ResponseError

from schemas.redis_addresses import server_urls
from schemas.redis_client import RedisClient
from schemas.redis_pools import open_pool
from schemas.settings import SettingsError, WorkerSettings

_CANCEL_AGAIN_SECONDS = 0.1


class StoppedError(Exception):
    """The process stops."""


class StoppableWorker(Worker):
    """arq's worker, which ends between two looks at its queue; a cancellation in the middle leaks a connection.

    It goes on while Redis is full, which takes no mark of its life, and which only drains make less full.
    """

    async def _poll_iteration(self) -> None:
        if self.ctx["service"].stopping.is_set():
            raise StoppedError
        await super()._poll_iteration()

    async def record_health(self) -> None:
        """Leave a mark that this worker lives, where there is room for one."""
        with suppress(OutOfMemoryError):
            await super().record_health()


def arq_client(settings: WorkerSettings, max_connections: int) -> ArqRedis:
    """Make the client of arq's Redis, with JSON in place of pickle. Raises ValueError for a URL that cannot be read."""
    pool = open_pool(
        settings.arq_redis_url or server_urls(settings.redis_url)[0],
        max_connections=max_connections,
        timeout=settings.redis_timeout_seconds,
        socket_timeout=settings.redis_timeout_seconds,
        socket_connect_timeout=settings.redis_timeout_seconds,
        socket_keepalive=True,
        health_check_interval=15,
    )
    client = ArqRedis(pool, job_serializer=to_json, job_deserializer=orjson.loads)
    client.auto_close_connection_pool = True
    return client


async def refuse_cluster(settings: WorkerSettings, redis: RedisClient, arq: ArqRedis) -> None:
    """Raise SettingsError where arq's keys would be on a cluster; what is in REDIS_AWAY where that cannot be told."""
    if settings.arq_redis_url is None:
        name, is_cluster = "REDIS_URL", await redis.is_cluster()
    else:
        name, is_cluster = "ARQ_REDIS_URL", await _is_of_cluster(arq)
    if is_cluster:
        raise SettingsError(f"{name} names a cluster: set ARQ_REDIS_URL to a single Redis, for arq's own keys")


async def _is_of_cluster(arq: ArqRedis) -> bool:
    try:
        await arq.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
    except ResponseError:  # it is of none, or does not tell
        return False
    return True


def to_json(value: Any) -> bytes:
    """Write a job."""
    return orjson.dumps(value, default=str)  # arq's own failures hold exceptions


async def end(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until they have ended; redis-py may swallow a cancellation that comes while it connects."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_SECONDS)
