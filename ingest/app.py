"""The application: the only place where its parts are put together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeAlias

from aiohttp import web

from ingest import description
from ingest.access import Access
from ingest.body import BodyReader
from ingest.budget import Budget
from ingest.bursts import Bursts
from ingest.connections import Connections
from ingest.flood_guard import FloodGuard
from ingest.group_commit import GroupCommit
from ingest.health import Health
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.posts import get_routes, other_routes, post_routes
from ingest.pressure import Pressure
from ingest.refusals import Refusals
from ingest.sockets import SOCKETS, Sockets
from ingest.straight_posts import LANE, Judge, Lane
from ingest.tracking import BATCHES, CALLS, SDK_METRICS, Tracking
from ingest.webhook import PATH, Webhook
from schemas.redis_client import RedisClient
from schemas.settings import WebSettings
from schemas.tracing import Tracing

REDIS = web.AppKey("REDIS", RedisClient)
CONNECTIONS = web.AppKey("CONNECTIONS", Connections)
PRESSURE = web.AppKey("PRESSURE", Pressure)
GROUP_COMMIT = web.AppKey("GROUP_COMMIT", GroupCommit)
BACKGROUND = web.AppKey("BACKGROUND", list[asyncio.Task[None]])
"""What has to run for as long as the application does: without one of them, posts would wait for ever, say."""

_CleanupContext: TypeAlias = Callable[[web.Application], AsyncIterator[None]]

_REDIS_CONNECTIONS = 8
"""For looks at connections, pressure and health; writes to the queue have a connection of their own."""

_GROWTH = 4
"""How often a request's bound may be taken in the queue: a batch's `context` is repeated in each message."""


def create_app(settings: WebSettings, tracing: Tracing | None = None) -> web.Application:
    """Put the application together. Raises ValueError where REDIS_URL cannot be read by Redis' client."""
    app = web.Application()
    redis = RedisClient(
        settings.redis_url, timeout_seconds=settings.redis_timeout_seconds, max_connections=_REDIS_CONNECTIONS
    )
    metrics = Metrics()
    refusals = Refusals(metrics)
    connections = Connections(redis, settings.redis_timeout_seconds)
    budget = Budget(max(settings.max_bytes_in_flight, 2 * (1 + _GROWTH) * settings.max_body_bytes))
    group_commit = GroupCommit(settings.redis_url, settings.redis_timeout_seconds, metrics, budget)
    pressure = Pressure(
        redis,
        metrics,
        max_memory_ratio=settings.max_redis_memory_ratio,
        max_queued_messages=settings.max_queued_messages,
    )
    app[REDIS], app[CONNECTIONS], app[BACKGROUND] = redis, connections, []
    app[PRESSURE], app[GROUP_COMMIT] = pressure, group_commit
    flood_guard = FloodGuard(group_commit.posts_under_way, settings.max_posts_under_load)
    app.cleanup_ctx.extend(
        [
            _redis_closed,
            _running(connections.stay_current, connections.close),
            _running(pressure.watch, pressure.close),
            _running(flood_guard.watch, flood_guard.close),
            _running(group_commit.flush_until_closed, group_commit.close),
        ]
    )

    bursts = Bursts(settings.burst_messages_per_second)
    parts = (
        BodyReader(settings.max_body_bytes, settings.body_timeout_seconds, budget),
        Access(connections),
        Intake(
            group_commit, metrics, connections, bursts, max_bytes=settings.max_body_bytes * _GROWTH, tracing=tracing
        ),
        pressure,
        flood_guard,
    )
    tracking, webhook = Tracking(*parts), Webhook(*parts)
    app[SOCKETS] = Sockets(settings)
    app[LANE] = Lane(
        _judges(tracking, webhook), pressure, group_commit, metrics, refusals=refusals, tracing=tracing
    )
    health = Health(redis, connections, pressure, group_commit, settings.redis_timeout_seconds)
    app.add_routes([*_tracking_routes(tracking, metrics, refusals), *_webhook_routes(webhook, metrics, refusals)])
    app.add_routes(get_routes("/health/live", health.live))
    app.add_routes(get_routes("/health/ready", health.ready))
    app.add_routes(get_routes("/metrics", metrics.answer))
    app.add_routes(get_routes("/openapi.json", description.answer))
    app.add_routes(other_routes())
    return app


def _tracking_routes(tracking: Tracking, metrics: Metrics, refusals: Refusals) -> list[web.RouteDef]:
    handlers = {name: tracking.one(call_type) for name, call_type in CALLS.items()}
    handlers |= dict.fromkeys(BATCHES, tracking.many)
    handlers[SDK_METRICS] = tracking.ignore
    return [
        route
        for root in ("/v1/", "/")
        for name, take in handlers.items()
        for route in post_routes(root + name, take, metrics, refusals)
    ]


def _webhook_routes(webhook: Webhook, metrics: Metrics, refusals: Refusals) -> list[web.RouteDef]:
    return post_routes(f"{PATH}{{connection_id}}", webhook.deliver, metrics, refusals)


def _judges(tracking: Tracking, webhook: Webhook) -> Callable[[str], Judge | None]:
    by_path = {f"/v1/{name}": tracking.one_at_once(call_type) for name, call_type in CALLS.items()}

    def judge_of(path: str) -> Judge | None:
        return by_path.get(path) or (webhook.deliver_at_once if path.startswith(PATH) else None)

    return judge_of


async def _redis_closed(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[REDIS].aclose()


def _running(work: Callable[[], Coroutine[Any, Any, None]], close: Callable[[], None]) -> _CleanupContext:
    """Have work done from the application's start on, until its end lets it return."""

    async def run(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(work())
        app[BACKGROUND].append(task)
        yield
        close()
        await task

    return run
