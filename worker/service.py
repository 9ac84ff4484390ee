"""The `worker` process: arq runs the drains, a sweep wakes them, and nothing needs a restart by hand."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog
from arq import ArqRedis

from schemas.redis_away import REDIS_AWAY
from schemas.redis_client import RedisClient
from schemas.redis_pools import close_pool
from schemas.settings import WorkerSettings
from schemas.tracing import Tracing
from worker.arq_queue import StoppedError, arq_client, arq_worker, does_without_arq, end, refuse_cluster
from worker.attempts import Attempts
from worker.back_off import BackOff
from worker.drain import Drain
from worker.drain_metrics import DrainMetrics
from worker.failure import SERVERS_AWAY
from worker.pause import pause
from worker.serving import Serving
from worker.store.database import server_settings
from worker.store.pooler import Opener
from worker.streams import Streams
from worker.sweep import Sweep
from worker.turns import DRAINS_FOR_BURSTS, Turns
from worker.upkeep import publish_now_and_then, shorten_now_and_then, tell_what_is_served, trim_now_and_then

_LOG = structlog.get_logger(__name__)
_BACK_OFF = BackOff(first_seconds=0.1, longest_seconds=1.0)
_ARQ_RETRY_SECONDS = 1.0
_CONNECT_SECONDS = 5.0


@dataclass(slots=True)
class Service:
    """One worker process' parts, connected to both servers."""

    settings: WorkerSettings
    redis: RedisClient
    pool: asyncpg.Pool
    sweep: Sweep
    stopping: asyncio.Event
    jobs: dict[str, "asyncio.Task[Any]"] = field(default_factory=dict)
    """The drains that arq runs."""


async def run_worker(
    settings: WorkerSettings,
    stopping: asyncio.Event,
    metrics: DrainMetrics | None = None,
    tracing: Tracing | None = None,
) -> None:
    """Run until `stopping` is set; start again by itself whenever Redis or Postgres went away."""
    retry_seconds = 0.0
    while not stopping.is_set():
        started_at: float | None = None
        try:
            async with open_service(settings, stopping, metrics, tracing) as service:
                _LOG.info("worker started")
                started_at = _now()
                await _serve(service)
        except SERVERS_AWAY as failure:
            lasted_seconds = 0.0 if started_at is None else _now() - started_at
            retry_seconds = _BACK_OFF.next_seconds(retry_seconds, lasted_seconds)
            _LOG.warning("worker starts again", failure=type(failure).__name__, retry_seconds=retry_seconds)
            await pause(stopping, retry_seconds)
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
            max_size=settings.drains_at_once + DRAINS_FOR_BURSTS + 3,
            timeout=_CONNECT_SECONDS,
            command_timeout=settings.statement_timeout_seconds + 5,
            connect=Opener(server_settings("variance worker", settings.statement_timeout_seconds), announces=True),
        ) as pool:
            streams = Streams(redis)
            drain = Drain(
                streams, pool, settings.drain_messages, stopping.is_set, Attempts(redis), metrics, tracing
            )
            serving = Serving(settings.workspace_names)
            sweep = Sweep(settings, streams, drain, stopping, Turns(settings.drains_at_once), serving)
            try:
                yield Service(settings, redis, pool, sweep, stopping)
            finally:
                drain.progress.tell(at_once=True)
    finally:
        with suppress(*REDIS_AWAY):
            await redis.aclose()


async def _serve(service: Service) -> None:
    """Run arq, the sweep and the upkeep until one fails or the process stops; let drains finish."""
    arq = arq_client(service.settings, _redis_connections(service.settings))
    running = asyncio.create_task(_run_arq(service, arq))
    loops = [
        asyncio.create_task(loop) for loop in (
            service.sweep.run(arq),
            publish_now_and_then(service.pool, service.redis, service.stopping),
            tell_what_is_served(
                service.sweep.serving, service.pool, service.redis, service.sweep.streams, service.stopping
            ),
            trim_now_and_then(service.pool, service.stopping),
            shorten_now_and_then(service.pool, service.stopping),
        )
    ]  # fmt: skip
    stop = asyncio.create_task(service.stopping.wait())
    own_drains = service.sweep.own_drains
    try:
        done, _ = await asyncio.wait([running, *loops, stop], return_when=asyncio.FIRST_COMPLETED)
        if service.stopping.is_set():
            await _let_finish(service, [running, *loops])
            await _let_finish(service, [*service.jobs.values(), *own_drains])
            return
        for task in done:
            task.result()  # raises what made it end
    finally:
        await end([running, *loops, stop, *service.jobs.values(), *own_drains])
        with suppress(*REDIS_AWAY):
            await arq.aclose()
            await close_pool(arq.connection_pool)


async def _run_arq(service: Service, arq: ArqRedis) -> None:
    """Run arq until the process stops, again and again where drains go on without it."""
    while not service.stopping.is_set():
        try:
            await refuse_cluster(service.settings, service.redis, arq)
            worker = arq_worker(
                service.settings, arq, service.sweep.run_drain, woken=service.sweep.woken, stopping=service.stopping
            )
            service.jobs = worker.tasks
            await worker.async_run()
        except StoppedError:
            return
        except REDIS_AWAY as failure:
            if not does_without_arq(service.settings, failure):
                raise
            _LOG.warning("arq starts again", failure=type(failure).__name__, retry_seconds=_ARQ_RETRY_SECONDS)
            jobs = list(service.jobs.values())
            await end(jobs)
            await asyncio.gather(*jobs, return_exceptions=True)  # of drains that ended well, and could not say so
            await pause(service.stopping, _ARQ_RETRY_SECONDS)


async def _let_finish(service: Service, tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Wait until tasks have come to their own end, drains to a commit, within the time that a stop may take."""
    if waiting := list(tasks):
        await asyncio.wait(waiting, timeout=service.settings.shutdown_seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _redis_connections(settings: WorkerSettings) -> int:
    return (settings.drains_at_once + DRAINS_FOR_BURSTS) * 2 + 4
