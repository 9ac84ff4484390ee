"""The `worker` process: arq runs the drains, a sweep wakes them, and nothing needs a restart by hand.

arq's own queue holds wake-ups only. Losing them costs a moment: the sweep looks at every partition several times a
second and wakes a drain for each that is not empty. Where arq has a Redis of its own, and that is away, or Redis is
full, the sweep runs the drains itself.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import orjson
import structlog
from arq import ArqRedis, Worker, func
from arq.typing import WorkerCoroutine
from redis.exceptions import OutOfMemoryError

from schemas.redis_away import REDIS_AWAY
from schemas.redis_client import RedisClient
from schemas.redis_pools import close_pool
from schemas.settings import WorkerSettings
from schemas.tracing import Tracing
from worker.arq_queue import StoppableWorker, StoppedError, arq_client, end, refuse_cluster, to_json
from worker.attempts import Attempts
from worker.drain import TURN_SECONDS, Drain, Drained
from worker.drain_metrics import DrainMetrics
from worker.failure import ConcurrentChangeError, is_messages_fault
from worker.publish import publish_connections
from worker.retention.trim import trim_due
from worker.store.database import server_settings
from worker.store.pooler import Opener
from worker.streams import Streams

_LOG = structlog.get_logger(__name__)
_AWAY = (*REDIS_AWAY, asyncpg.PostgresError, asyncpg.InterfaceError)
_QUEUE = "arq:queue"
_DRAIN = "drain"
_LAST_TRANSACTION_SECONDS = 3.0
_MOST_WAKEUPS_PER_PARTITION = 2
_ARQ_SECONDS = 0.5
_WITHOUT_ARQ_SECONDS = 1.0
_BUSY_SECONDS = 0.5
_FAILED_SECONDS = 0.25
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 0.1, 1.0
_PUBLISH_SECONDS = 5.0
_TRIM_SECONDS = 60.0
_QUEUE_READ_LIMIT = 1000  # jobs of killed workers stand at the queue's head until their marks lapse


@dataclass(slots=True)
class Service:
    """One worker process' state: which partitions it drains, and until when it leaves others alone.

    `long` are partitions that were not empty when their last turn ended, as they are in one workspace's burst. They
    take turns, and make way for the others, so that a burst makes nobody wait long who lies beside it.
    """

    settings: WorkerSettings
    redis: RedisClient
    streams: Streams
    drain: Drain
    stopping: asyncio.Event
    active: set[int] = field(default_factory=set)
    rests_until: dict[int, float] = field(default_factory=dict)
    jobs: dict[str, "asyncio.Task[Any]"] = field(default_factory=dict)
    """The drains that arq runs."""
    own_drains: "set[asyncio.Task[None]]" = field(default_factory=set)
    without_arq_until: float = 0.0
    long: set[int] = field(default_factory=set)
    held_until: dict[int, float] = field(default_factory=dict)
    """Until when another worker is taken to hold a partition."""
    lengths: Sequence[int] = ()

    @property
    def is_arq_apart(self) -> bool:
        """Tell whether arq's keys are on another Redis than the streams."""
        return self.settings.arq_redis_url not in (None, self.settings.redis_url)

    def does_without_arq(self, failure: BaseException) -> bool:
        """Tell whether drains go on where arq failed so: a full Redis takes no job, and only a drain empties it."""
        return self.is_arq_apart or isinstance(failure, OutOfMemoryError)

    async def run_drain(self, partition: int) -> None:
        """Drain a partition; whatever goes wrong with the surroundings, the next sweep tries again."""
        if partition in self.active:
            return
        if partition in self.long and len(self.active & self.long) >= self._most_long():
            self.rests_until[partition] = 0.0
            return
        self.active.add(partition)
        rest_seconds = 0.0
        try:
            drained = await self.drain.drain(
                partition, is_long=partition in self.long, is_crowded=self.is_crowded
            )
            if drained is Drained.BUSY:
                rest_seconds = _BUSY_SECONDS
                self.held_until[partition] = asyncio.get_running_loop().time() + _BUSY_SECONDS
            elif drained is Drained.EMPTY:
                self.long.discard(partition)
            else:
                self.long.add(partition)
        except Exception as failure:  # noqa: BLE001 (a drain that fails must not end the worker)
            if self.drain.metrics is not None:
                self.drain.metrics.count_failure(failure)
            if is_messages_fault(failure):
                _LOG.exception("drain failed", partition=partition)
                rest_seconds = _LONGEST_RETRY_SECONDS
            else:
                _LOG.warning("drain will be tried again", partition=partition, failure=type(failure).__name__)
                rest_seconds = _FAILED_SECONDS
        finally:
            self.active.discard(partition)
            self.rests_until[partition] = asyncio.get_running_loop().time() + rest_seconds

    def is_crowded(self) -> bool:
        """Tell whether a partition that is not long is drained, or waits for it since the last sweep."""
        now = asyncio.get_running_loop().time()
        waiting = (
            partition for partition, length in enumerate(self.lengths)
            if length and self.held_until.get(partition, 0) <= now
        )  # fmt: skip
        return bool(self.active - self.long) or any(partition not in self.long for partition in waiting)

    def _most_long(self) -> int:
        """Give how many long partitions are drained at the same time: one drain at least is left to the others."""
        return 1 if self.is_crowded() else max(1, self.settings.drains_at_once - 1)

    async def sweep(self, arq: ArqRedis) -> None:
        """Wake a drain for each partition that is not empty, until the process stops."""
        while not self.stopping.is_set():
            self.drain.progress.tell()
            self.lengths = lengths = await self.streams.lengths()
            now = asyncio.get_running_loop().time()
            waiting = [
                partition for partition, length in enumerate(lengths)
                if length and partition not in self.active and self.rests_until.get(partition, 0) <= now
            ]  # fmt: skip
            waiting.sort(key=lambda partition: self.rests_until.get(partition, 0))  # the longest first
            if waiting and self.without_arq_until <= now:
                await self._wake_all(arq, waiting, _MOST_WAKEUPS_PER_PARTITION * len(lengths))
            elif waiting:
                self._drain_here(waiting)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), self.settings.sweep_seconds)

    async def _wake_all(self, arq: ArqRedis, waiting: Sequence[int], most_wakeups: int) -> None:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_ARQ_SECONDS if self.is_arq_apart else None):
                # More wake-ups than can be served at once would only grow, and serve the first partitions last.
                if await arq.zcard(_QUEUE) >= most_wakeups:
                    return
                for partition in waiting:
                    self.rests_until[partition] = now + _BUSY_SECONDS  # until the drain itself says otherwise
                    await arq.enqueue_job(_DRAIN, partition)
        except REDIS_AWAY as failure:
            if not self.does_without_arq(failure):
                raise
            self.rests_until.update(dict.fromkeys(waiting, now))
            _LOG.warning("drains run without arq", failure=type(failure).__name__, seconds=_WITHOUT_ARQ_SECONDS)
            self.without_arq_until = now + _WITHOUT_ARQ_SECONDS

    def _drain_here(self, waiting: Iterable[int]) -> None:
        """Drain partitions without arq, as many at the same time as it would."""
        for partition in waiting:
            if len(self.own_drains) >= self.settings.drains_at_once:
                return
            self.rests_until[partition] = asyncio.get_running_loop().time() + _BUSY_SECONDS
            drain = asyncio.create_task(self.run_drain(partition))
            self.own_drains.add(drain)
            drain.add_done_callback(self.own_drains.discard)

    async def publish(self) -> None:
        """Repair what Redis should know of the connections, now and then."""
        while not self.stopping.is_set():
            try:
                async with self.drain.pool.acquire() as database:
                    await publish_connections(database, self.redis)
            except _AWAY as failure:
                _LOG.warning("connections not published", failure=type(failure).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), _PUBLISH_SECONDS)

    async def trim(self) -> None:
        """Trim the events that are older than their workspace keeps them, now and then."""
        while not self.stopping.is_set():
            try:
                await trim_due(self.drain.pool, datetime.now(UTC), self.stopping.is_set)
            except (*_AWAY, ConcurrentChangeError) as failure:
                _LOG.warning("events not trimmed", failure=type(failure).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), _TRIM_SECONDS)


async def drain(context: dict[str, Any], partition: int) -> None:
    """Run as an arq job: drain one partition."""
    service: Service = context["service"]
    await service.run_drain(partition)


async def run_worker(
    settings: WorkerSettings,
    stopping: asyncio.Event,
    metrics: DrainMetrics | None = None,
    tracing: Tracing | None = None,
) -> None:
    """Run until `stopping` is set; start again by itself whenever Redis or Postgres went away."""
    retry_seconds = _FIRST_RETRY_SECONDS
    started_at = asyncio.get_running_loop().time()
    while not stopping.is_set():
        try:
            async with open_service(settings, stopping, metrics, tracing) as service:
                _LOG.info("worker started")
                started_at = asyncio.get_running_loop().time()
                await _serve(service)
        except _AWAY as failure:
            _LOG.warning("worker starts again", failure=type(failure).__name__, retry_seconds=retry_seconds)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), retry_seconds)
            was_well = asyncio.get_running_loop().time() - started_at > _LONGEST_RETRY_SECONDS
            retry_seconds = _FIRST_RETRY_SECONDS if was_well else min(retry_seconds * 2, _LONGEST_RETRY_SECONDS)
    _LOG.info("worker stopped")


@asynccontextmanager
async def open_service(
    settings: WorkerSettings,
    stopping: asyncio.Event,
    metrics: DrainMetrics | None = None,
    tracing: Tracing | None = None,
) -> AsyncIterator[Service]:
    """Connect to both servers."""
    redis = RedisClient(
        settings.redis_url,
        timeout_seconds=settings.redis_timeout_seconds,
        max_connections=_redis_connections(settings),
        socket_keepalive=True,
        health_check_interval=15,
    )
    try:
        async with asyncpg.create_pool(
            settings.database_url,
            min_size=1,
            max_size=settings.drains_at_once + 2,
            timeout=settings.redis_timeout_seconds,
            command_timeout=settings.statement_timeout_seconds + 5,
            connect=Opener(server_settings("variance worker", settings.statement_timeout_seconds), announces=True),
        ) as pool:
            streams = Streams(redis)
            drains = Drain(
                streams, pool, settings.drain_messages, stopping.is_set, Attempts(redis), metrics, tracing
            )
            try:
                yield Service(settings, redis, streams, drains, stopping)
            finally:
                drains.progress.tell(at_once=True)
    finally:
        with suppress(*REDIS_AWAY):
            await redis.aclose()


async def _serve(service: Service) -> None:
    """Run arq, the sweep and the publication until one fails or the process stops; let drains finish."""
    arq = arq_client(service.settings, _redis_connections(service.settings))
    running = asyncio.create_task(_run_arq(service, arq))
    loops = [asyncio.create_task(loop) for loop in (service.sweep(arq), service.publish(), service.trim())]
    stop = asyncio.create_task(service.stopping.wait())
    try:
        done, _ = await asyncio.wait([running, *loops, stop], return_when=asyncio.FIRST_COMPLETED)
        if service.stopping.is_set():
            await _let_finish(service, [running, *loops])
            await _let_finish(service, [*service.jobs.values(), *service.own_drains])
            return
        for task in done:
            task.result()  # raises what made it end
    finally:
        await end([running, *loops, stop, *service.jobs.values(), *service.own_drains])
        with suppress(*REDIS_AWAY):
            await arq.aclose()
            await close_pool(arq.connection_pool)


async def _run_arq(service: Service, arq: ArqRedis) -> None:
    """Run arq until the process stops, again and again where drains go on without it."""
    while not service.stopping.is_set():
        try:
            await refuse_cluster(service.settings, service.redis, arq)
            worker = arq_worker(service, arq)
            service.jobs = worker.tasks
            await worker.async_run()
        except StoppedError:
            return
        except REDIS_AWAY as failure:
            if not service.does_without_arq(failure):
                raise
            _LOG.warning("arq starts again", failure=type(failure).__name__, retry_seconds=_LONGEST_RETRY_SECONDS)
            jobs = list(service.jobs.values())
            await end(jobs)
            await asyncio.gather(*jobs, return_exceptions=True)  # of drains that ended well, and could not say so
            with suppress(TimeoutError):
                await asyncio.wait_for(service.stopping.wait(), _LONGEST_RETRY_SECONDS)


async def _let_finish(service: Service, tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Wait until tasks have come to their own end, drains to a commit, within the time that a stop may take."""
    if waiting := list(tasks):
        await asyncio.wait(waiting, timeout=service.settings.shutdown_seconds)


def arq_worker(service: Service, arq: ArqRedis) -> Worker:
    """Set up arq: JSON instead of pickle, no results kept, and a time limit beyond what a drain can take."""
    worker = StoppableWorker(
        functions=[
            func(
                cast(WorkerCoroutine, drain),
                name=_DRAIN,
                timeout=_job_timeout_seconds(service.settings),
                max_tries=1,
            )
        ],
        queue_name=_QUEUE,
        redis_pool=arq,
        handle_signals=False,
        max_jobs=service.settings.drains_at_once,
        poll_delay=service.settings.sweep_seconds / 2,
        queue_read_limit=_QUEUE_READ_LIMIT,
        keep_result=0,
        log_results=False,
        health_check_interval=10,
        job_serializer=to_json,
        job_deserializer=orjson.loads,
        ctx={"service": service},
    )
    # The wake-ups of a killed worker count as under way for so long, and enough of them would keep new ones out. A
    # drain that lasts longer is woken twice, which its lock makes harmless.
    worker.in_progress_timeout_s = TURN_SECONDS + _LAST_TRANSACTION_SECONDS
    return worker


def _job_timeout_seconds(settings: WorkerSettings) -> float:
    return TURN_SECONDS + 2 * settings.statement_timeout_seconds


def _redis_connections(settings: WorkerSettings) -> int:
    return settings.drains_at_once * 2 + 4
