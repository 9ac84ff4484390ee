"""What a worker sees to beside its drains: what Redis should know, and what is kept no longer."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import asyncpg
import structlog
from redis.asyncio import Redis

from schemas.partitions import open_bursts
from worker.failure import SERVERS_AWAY
from worker.pause import pause
from worker.publish import publish_connections
from worker.retention.trim import trim_due
from worker.serving import Serving, mark_served
from worker.store.words import shorten_stale
from worker.streams import Streams

_LOG = structlog.get_logger(__name__)
_PUBLISH_SECONDS = 5.0
_TRIM_SECONDS = 60.0
_SHORTEN_SECONDS = 60.0


async def publish_now_and_then(pool: asyncpg.Pool, redis: Redis, stopping: asyncio.Event) -> None:
    """Repair what Redis should know of the connections, until the process stops."""
    while not stopping.is_set():
        with _borne("connections not published"):
            async with pool.acquire() as database:
                await publish_connections(database, redis)
        await pause(stopping, _PUBLISH_SECONDS)


async def tell_what_is_served(
    serving: Serving, pool: asyncpg.Pool, redis: Redis, streams: Streams, stopping: asyncio.Event
) -> None:
    """Look for the workspaces to serve, and have Redis know which partitions are drained, until the process stops."""
    while not stopping.is_set():
        with _borne("workspaces not looked for"):
            if serving.names:
                async with pool.acquire() as database:
                    await serving.look(database)
        with _borne("not told what is served"):
            served = serving.partitions(streams.partitions)
            await open_bursts(redis)
            await mark_served(redis, range(streams.partitions.most) if served is None else served)
        await pause(stopping, serving.pause_seconds)


async def trim_now_and_then(pool: asyncpg.Pool, stopping: asyncio.Event) -> None:
    """Trim the events that are older than their workspace keeps them, until the process stops."""
    while not stopping.is_set():
        with _borne("events not trimmed"):
            await trim_due(pool, datetime.now(UTC), stopping.is_set)
        await pause(stopping, _TRIM_SECONDS)


async def shorten_now_and_then(pool: asyncpg.Pool, stopping: asyncio.Event) -> None:
    """Keep short what a console would read, where none does, until the process stops."""
    while not stopping.is_set():
        with _borne("words to read again not merged"):
            async with pool.acquire() as database:
                await shorten_stale(database)
        await pause(stopping, _SHORTEN_SECONDS)


@contextmanager
def _borne(event: str) -> Iterator[None]:
    """Log a failure and go on, whatever it is: the next turn tries again, and drains must not end for it.

    Of a failure only the type: its text may have what people sent.
    """
    try:
        yield
    except SERVERS_AWAY as failure:
        _LOG.warning(event, failure=type(failure).__name__)
    except Exception as failure:  # noqa: BLE001 (ours to mend, not the worker's end)
        _LOG.error(event, failure=type(failure).__name__)
