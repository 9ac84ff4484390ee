"""arq's side of a worker: its client, the wake-ups in its queue, its jobs as JSON, and a worker that ends cleanly."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

import orjson
from arq import ArqRedis, Worker, func
from arq.constants import default_queue_name, health_check_key_suffix
from arq.typing import WorkerCoroutine
from redis.exceptions import OutOfMemoryError, ResponseError

from schemas.redis_addresses import server_urls
from schemas.redis_client import RedisClient
from schemas.redis_pools import open_pool
from schemas.settings import SettingsError, WorkerSettings
from worker.drain import TURN_SECONDS
from worker.turns import DRAINS_FOR_BURSTS

_DRAIN = "drain"
_LAST_TRANSACTION_SECONDS = 3.0
_QUEUE_READ_LIMIT = 1000  # jobs of killed workers stand at the queue's head until their marks lapse
_CANCEL_AGAIN_SECONDS = 0.1
_IDLE_LOOK_SECONDS = 0.25

RunDrain: TypeAlias = Callable[[int], Awaitable[None]]
"""Drains a partition."""


class StoppedError(Exception):
    """The process stops."""


class StoppableWorker(Worker):
    """arq's worker, which ends between two looks at its queue; a cancellation in the middle leaks a connection.

    It looks when this process has put a wake-up there or a drain of its own has ended, and else now and then: whoever
    puts one there looks himself.
    It goes on while Redis is full, which takes no mark of its life, and which only drains make less full.
    """

    async def _poll_iteration(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_LOOK_SECONDS):
                await self.ctx["woken"].wait()
        self.ctx["woken"].clear()
        if self.ctx["stopping"].is_set():
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


def arq_worker(
    settings: WorkerSettings, arq: ArqRedis, run_drain: RunDrain, *, woken: asyncio.Event, stopping: asyncio.Event
) -> Worker:
    """Set up arq: JSON instead of pickle, no results kept, and a time limit beyond what a drain can take.

    `woken` is set whenever there may be a wake-up to take from the queue, and when the process stops.
    """
    timeout_seconds = TURN_SECONDS + 2 * settings.statement_timeout_seconds
    worker = StoppableWorker(
        functions=[func(cast(WorkerCoroutine, _drain), name=_DRAIN, timeout=timeout_seconds, max_tries=1)],
        queue_name=_queue_of(settings),
        health_check_key=default_queue_name + health_check_key_suffix,
        redis_pool=arq,
        handle_signals=False,
        max_jobs=settings.drains_at_once + DRAINS_FOR_BURSTS,
        poll_delay=0,  # it waits for a wake-up
        queue_read_limit=_QUEUE_READ_LIMIT,
        keep_result=0,
        log_results=False,
        health_check_interval=10,
        job_serializer=to_json,
        job_deserializer=orjson.loads,
        ctx={"run_drain": run_drain, "woken": woken, "stopping": stopping},
    )
    # The wake-ups of a killed worker count as under way for so long, and enough of them would keep new ones out. A
    # drain that lasts longer is woken twice, which its lock makes harmless.
    worker.in_progress_timeout_s = TURN_SECONDS + _LAST_TRANSACTION_SECONDS
    return worker


async def _drain(context: dict[str, Any], partition: int) -> None:
    """Run as an arq job: drain one partition."""
    await context["run_drain"](partition)


async def wake(settings: WorkerSettings, arq: ArqRedis, partition: int) -> None:
    """Have a worker with these settings drain a partition. Raises what is in REDIS_AWAY."""
    await arq.enqueue_job(_DRAIN, partition, _queue_name=_queue_of(settings))


async def count_wakeups(settings: WorkerSettings, arq: ArqRedis) -> int:
    """Count those that wait or are under way. Raises what is in REDIS_AWAY."""
    count: int = await arq.zcard(_queue_of(settings))
    return count


def _queue_of(settings: WorkerSettings) -> str:
    """Give arq's queue: its usual one, or that of all who serve the same workspaces, and so the same partitions."""
    return ":".join([default_queue_name, *sorted(settings.workspace_names)])


def does_without_arq(settings: WorkerSettings, failure: BaseException) -> bool:
    """Tell whether drains go on where arq failed so: a full Redis takes no wake-up, and only a drain empties it."""
    return settings.is_arq_apart or isinstance(failure, OutOfMemoryError)


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
