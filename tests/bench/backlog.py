"""A backlog: messages in the queue as the endpoint writes them, and how fast they are applied."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
from redis import Redis

from schemas.acceptance import Accepted, accept
from schemas.queue import accepted_field, accepted_key, stream_key
from tests.bench.both_servers import CONNECTION, WORKSPACE_ID, Servers
from tests.partitions import partition_of

ENTRY_MESSAGES = 20
"""Messages in an entry, about as many as the endpoint writes at once to a partition under load."""

LEDGER = "SELECT coalesce(sum(applied + duplicate + suppressed + dead), 0)::bigint FROM variance_data.ledger"
"""Counts the messages that are settled."""

_POLL_SECONDS = 0.02


def queue_messages(
    servers: Servers,
    messages: Iterable[dict[str, Any]],
    connection: str = CONNECTION,
    workspace_id: int = WORKSPACE_ID,
) -> None:
    """Queue messages of a connection."""
    waiting: dict[int, list[bytes | str]] = defaultdict(list)
    with Redis.from_url(servers.redis_url) as redis:
        pipeline = redis.pipeline(transaction=False)
        for message in messages:
            accepted = accept(orjson.loads(orjson.dumps(message)), datetime.now(UTC), from_segment=True)
            assert isinstance(accepted, Accepted), accepted
            partition = partition_of(workspace_id, accepted.sender)
            waiting[partition] += [accepted_field(connection, accepted.message_key), accepted.body]
            if len(waiting[partition]) == 2 * ENTRY_MESSAGES:
                _write(pipeline, partition, waiting.pop(partition))
            if len(pipeline) >= 1000:
                pipeline.execute()
        for partition, fields in waiting.items():
            _write(pipeline, partition, fields)
        pipeline.execute()


def _write(pipeline: Any, partition: int, fields: list[bytes | str]) -> None:
    pipeline.execute_command("XADD", stream_key(partition), "*", *fields)
    pipeline.incrby(accepted_key(partition), len(fields) // 2)


@dataclass(frozen=True)
class Applied:
    """How fast a backlog was applied, and the processor time that each process took for a message."""

    messages_per_second: float
    cpu_microseconds: dict[str, float]


def measure_applying(
    servers: Servers,
    total: int,
    cpu_seconds: Callable[[], dict[str, float]],
    watch: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> Applied:
    """Wait until the ledger counts so many messages; measured from the first commit, without a worker's start.

    `watch` runs meanwhile.
    """
    return asyncio.run(_measure(servers, total, cpu_seconds, watch))


async def until_settled(database: "asyncpg.Connection[asyncpg.Record]", total: int) -> int:
    """Wait until the ledger counts so many messages; give how many it does count."""
    while (settled := await database.fetchval(LEDGER)) < total:  # noqa: ASYNC110 (Postgres tells nobody)
        await asyncio.sleep(_POLL_SECONDS)
    return int(settled)


async def _measure(
    servers: Servers,
    total: int,
    cpu_seconds: Callable[[], dict[str, float]],
    watch: Callable[[], Coroutine[Any, Any, None]] | None,
) -> Applied:
    database = await asyncpg.connect(servers.database_url)
    first = before = await database.fetchval(LEDGER)
    while first == before:
        await asyncio.sleep(_POLL_SECONDS)
        first = await database.fetchval(LEDGER)
    watching = asyncio.create_task(watch()) if watch else None
    started_at, used_before = time.perf_counter(), cpu_seconds()
    last = await until_settled(database, total)
    seconds, used = time.perf_counter() - started_at, cpu_seconds()
    if watching is not None:
        watching.cancel()
    await database.close()
    each = {name: (used[name] - used_before[name]) * 1e6 / (last - first) for name in used}
    return Applied((last - first) / seconds, each)
