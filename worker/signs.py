"""Reads from Redis and Postgres what alarms are decided by."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
from redis.asyncio import Redis

from schemas.durability import check_durability, faults_of
from schemas.redis_away import REDIS_AWAY
from worker.alarms import Signs
from worker.health import worker_health
from worker.queue_reading import QueuedPartition
from worker.store.database import Database
from worker.store.dead_letters import count_recent_deaths
from worker.store.status import count_worker_sessions

_RECENTLY = timedelta(hours=1)


async def read_signs(
    database: "Database | None",
    redis: Redis | None,
    queue: Sequence[QueuedPartition] | None,
    *,
    is_balanced: bool | None,
) -> Signs:
    """Read the signs from those servers that are there, beside what was read of the queue."""
    faults: list[str] = []
    deaths = sessions = None
    has_mark: bool | None = None
    if redis is not None:
        try:
            faults = faults_of(await check_durability(redis))
            has_mark = (await worker_health(redis))["state"] == "running"
        except REDIS_AWAY:
            redis = None
    if database is not None:
        try:
            deaths = await count_recent_deaths(database, datetime.now(UTC) - _RECENTLY)
            sessions = await count_worker_sessions(database)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            database = None
    return Signs(
        is_redis_there=redis is not None,
        is_postgres_there=database is not None,
        oldest_message_age_seconds=oldest_age_seconds(queue or ()),
        recent_dead_letters=deaths,
        durability_faults=faults,
        is_worker_alive=_is_alive(has_mark=has_mark, sessions=sessions),
        is_balanced=is_balanced,
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
