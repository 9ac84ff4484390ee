"""The console's application: the only place where its parts are put together."""

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import asyncpg
from aiohttp import web

from schemas.redis_client import RedisClient
from schemas.settings import ConsoleSettings
from worker.console import (
    access,
    account_pages,
    add_connection,
    audience_pages,
    audit_page,
    change_connection,
    connection_pages,
    contact_pages,
    dead_letter_pages,
    live,
    message_page,
    queue_page,
    sign_in,
)
from worker.console.answers import bind_browser, explain_failures
from worker.console.drawing import set_up_drawing
from worker.console.parts import ARQ_REDIS, PASSWORDS, POOL, REDIS, RULE_CHANGES, SETTINGS
from worker.console.passwords import PasswordChecks
from worker.console.queue_metrics import QueueMetrics
from worker.console.rule_changes import RuleChanges
from worker.console.sampler import Sampler
from worker.store.database import server_settings
from worker.store.pooler import Opener

QUEUE_METRICS = web.AppKey("QUEUE_METRICS", QueueMetrics)

_STATEMENT_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_MOST_CONNECTIONS = 10
_MOST_BODY_BYTES = 32 * 1024 * 1024  # a dead letter that is corrected
_REDIS_CONNECTIONS = 8


def create_console(settings: ConsoleSettings) -> web.Application:
    """Put the console together. Raises ValueError where REDIS_URL cannot be read by Redis' client."""
    app = web.Application(middlewares=[explain_failures, access.guard], client_max_size=_MOST_BODY_BYTES)
    app[SETTINGS] = settings
    app[PASSWORDS] = PasswordChecks()
    app[RULE_CHANGES] = RuleChanges(settings.database_url)
    seconds = settings.redis_timeout_seconds
    app[REDIS] = RedisClient(settings.redis_url, timeout_seconds=seconds, max_connections=_REDIS_CONNECTIONS)
    if settings.arq_redis_url is not None:
        url = settings.arq_redis_url
        app[ARQ_REDIS] = RedisClient(url, timeout_seconds=seconds, max_connections=_REDIS_CONNECTIONS)
    app.cleanup_ctx.extend([_database_open, _sampling, _changes_ended])
    app.on_response_prepare.append(bind_browser)
    set_up_drawing(app)
    app.add_routes(_routes())
    return app


def _routes() -> list[web.AbstractRouteDef]:
    connection = "/connections/{id}"
    letter = "/dead-letters/{id:[0-9]{1,18}}"
    person, company = "/contacts/{workspace:[0-9]{1,18}}/{id}", "/accounts/{workspace:[0-9]{1,18}}/{id}"
    return [
        web.get(access.LIVE_PATH, _answer_live),
        web.get(access.METRICS_PATH, _answer_metrics),
        web.static(access.STATIC_PATH, Path(str(files("worker.console").joinpath("static")))),
        web.get(access.SIGN_IN_PATH, sign_in.show_sign_in),
        web.post(access.SIGN_IN_PATH, sign_in.sign_in),
        web.post("/sign-out", sign_in.sign_out),
        web.get("/", connection_pages.list_connections),
        web.get("/connections", connection_pages.list_connections),
        web.post("/connections", add_connection.add_connection),
        web.get("/connections/new", add_connection.show_form),
        web.post("/connections/preview", add_connection.show_preview),
        web.get(connection, connection_pages.show_connection),
        web.get(f"{connection}/light", connection_pages.show_light),
        web.post(f"{connection}/secret", connection_pages.rotate),
        web.post(f"{connection}/enabled", connection_pages.enable),
        web.get(f"{connection}/rules", change_connection.show_rules),
        web.post(f"{connection}/rules", change_connection.try_rules),
        web.get(f"{connection}/rules/{{change}}", change_connection.show_change),
        web.post(f"{connection}/rules/{{change}}", change_connection.apply_rules),
        web.get("/live", live.show_live),
        web.get("/live/stream", live.stream),
        web.get("/message", message_page.show_message),
        web.get("/contacts", contact_pages.list_contacts_of_workspace),
        web.get(person, contact_pages.show_contact),
        web.get("/accounts", account_pages.list_accounts_of_workspace),
        web.get(company, account_pages.show_account),
        web.get("/audiences", audience_pages.list_audiences_of_workspace),
        web.get("/audience", audience_pages.show_audience),
        web.get("/queue", queue_page.show_queue),
        web.get("/dead-letters", dead_letter_pages.list_letters),
        web.get(letter, dead_letter_pages.show_letter),
        web.post(f"{letter}/replay", dead_letter_pages.replay),
        web.post(f"{letter}/discard", dead_letter_pages.discard),
        web.post("/dead-letters/replay", dead_letter_pages.replay_reason),
        web.get("/audit", audit_page.list_audit),
    ]


async def _answer_live(_request: web.Request) -> web.Response:
    return web.json_response({"success": True})


async def _answer_metrics(request: web.Request) -> web.Response:
    return await request.app[QUEUE_METRICS].answer()


async def _database_open(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    app[POOL] = asyncpg.create_pool(
        settings.database_url,
        min_size=0,  # it starts, and says what is wrong, while Postgres is away
        max_size=_MOST_CONNECTIONS,
        timeout=_CONNECT_SECONDS,
        command_timeout=_STATEMENT_SECONDS + 5,
        # Every page reads by an index; what the planner believes of a table that just grew must not change that.
        connect=Opener(
            server_settings("variance console", _STATEMENT_SECONDS) | {"enable_seqscan": "off"}, announces=True
        ),
    )
    await app[POOL]
    app[QUEUE_METRICS] = QueueMetrics(app[POOL], app[REDIS], app.get(ARQ_REDIS), settings)
    yield
    await app[POOL].close()
    await app[REDIS].aclose()
    if ARQ_REDIS in app:
        await app[ARQ_REDIS].aclose()


async def _sampling(app: web.Application) -> AsyncIterator[None]:
    sampler = Sampler(app[POOL], app[REDIS])
    task = asyncio.create_task(sampler.run())
    yield
    sampler.stop()
    await task


async def _changes_ended(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[RULE_CHANGES].close()
