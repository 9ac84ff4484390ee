"""Reads from Redis and Postgres what alarms are decided by."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from schemas.durability import OK, OK_BUT, check_servers, faults_of
from schemas.redis_away import REDIS_AWAY
from schemas.redis_client import RedisClient
from worker.alarms import Signs
from worker.failure import POSTGRES_AWAY
from worker.health import worker_health
from worker.queue_reading import QueuedPartition
from worker.serving import find_unserved
from worker.store.database import Database
from worker.store.dead_letters import count_recent_deaths
from worker.store.status import count_worker_sessions

_RECENTLY = timedelta(hours=1)
_REDIS_SECONDS = 2.0
_HAS_MARK = {"running": True, "not seen": False}


async def read_signs(
    database: "Database | None",
    redis: RedisClient | None,
    arq: RedisClient | None,
    queue: Sequence[QueuedPartition] | None,
    *,
    is_balanced: bool | None,
) -> Signs:
    """Read the signs from those servers that are there, beside what was read of the queue.

    `arq` is arq's Redis, where it is another.
    """
    checks: dict[str, str] = {}
    deaths = sessions = None
    unserved: Sequence[int] = ()
    has_mark: bool | None = None
    if redis is not None:
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                servers = await redis.masters()
                arq = arq or (None if await redis.is_cluster() else redis)
            checks = await check_servers(servers, _REDIS_SECONDS)
            has_mark = _HAS_MARK.get(str((await worker_health(arq))["state"]))
            with suppress(*REDIS_AWAY):  # of a cluster, the one server that has the marks
                unserved = await find_unserved(redis, queue or ())
        except REDIS_AWAY:
            checks = {}
    there = checks.pop("redis", "")
    if database is not None:
        try:
            deaths = await count_recent_deaths(database, datetime.now(UTC) - _RECENTLY)
            sessions = await count_worker_sessions(database)
        except POSTGRES_AWAY:
            database = None
    return Signs(
        is_redis_there=there == OK or there.startswith(OK_BUT),
        redis_servers_away=there.removeprefix(OK_BUT) if there.startswith(OK_BUT) else None,
        is_postgres_there=database is not None,
        oldest_message_age_seconds=oldest_age_seconds(queue or ()),
        recent_dead_letters=deaths,
        durability_faults=faults_of(checks),
        is_worker_alive=_is_alive(has_mark=has_mark, sessions=sessions),
        is_balanced=is_balanced,
        unserved_partitions=unserved,
    )


def oldest_age_seconds(queue: Sequence[QueuedPartition]) -> float | None:
    """Give how long the oldest message has waited; None where none waits."""
    ages = [partition.oldest_message_age_seconds for partition in queue]
    return max((age for age in ages if age is not None), default=None)


def _is_alive(*, has_mark: bool | None, sessions: int | None) -> bool | None:
    """Tell whether a worker lives. A worker that stops takes the others' mark along for some seconds."""
    if has_mark or sessions:
        return True
    return None if has_mark is None or sessions is None else False
