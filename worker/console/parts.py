"""What the console's handlers work with, and the two things that most of them do: open the database, draw a page."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp_jinja2
import asyncpg
from aiohttp import web

from schemas.redis_client import RedisClient
from schemas.settings import ConsoleSettings
from schemas.tolerant_json import storable
from worker.console.passwords import PasswordChecks
from worker.console.rule_changes import RuleChanges
from worker.console.tokens import csrf_token
from worker.store.audit import insert_audit_entry
from worker.store.console_users import ConsoleSession
from worker.store.database import Database

SETTINGS = web.AppKey("SETTINGS", ConsoleSettings)
POOL: web.AppKey[asyncpg.Pool] = web.AppKey("POOL", asyncpg.Pool)
REDIS = web.AppKey("REDIS", RedisClient)
ARQ_REDIS = web.AppKey("ARQ_REDIS", RedisClient)
"""arq's, where it is another."""
PASSWORDS = web.AppKey("PASSWORDS", PasswordChecks)
RULE_CHANGES = web.AppKey("RULE_CHANGES", RuleChanges)

SESSION = web.RequestKey("SESSION", ConsoleSession)
SESSION_TOKEN = web.RequestKey("SESSION_TOKEN", str)

PAGE_ROWS = 50
"""Rows of a table on one page."""


@asynccontextmanager
async def open_database(request: web.Request) -> AsyncIterator[Database]:
    """Take a connection to Postgres for a while."""
    async with request.app[POOL].acquire() as database:
        yield database


def draw(template: str, request: web.Request, status: int = 200, **context: Any) -> web.Response:
    """Draw a page, or a part of one."""
    token, session = request.get(SESSION_TOKEN), request.get(SESSION)
    surroundings = {
        "operator": session.name if session else None,
        "csrf": csrf_token(token) if token else "",
        "path": request.path,
    }
    return aiohttp_jinja2.render_template(template, request, surroundings | context, status=status)


async def write_audit(request: web.Request, database: Database, action: str, subject: str, **detail: Any) -> None:
    """Write down what the operator changes. `detail` must hold no secret."""
    await insert_audit_entry(database, request[SESSION].name, action, subject, **detail)


def webhook_url(request: web.Request, connection_id: str) -> str:
    """Give the URL that a connection's messages are posted to."""
    return f"{request.app[SETTINGS].public_url.rstrip('/')}/webhook/{connection_id}"


def now() -> datetime:
    """Give the moment."""
    return datetime.now(UTC)


def query_text(request: web.Request, name: str) -> str:
    """Give a text of the URL's query, as Postgres would hold it; an empty one where it is not there."""
    text: str = storable(request.query.get(name, ""))
    return text


def path_text(request: web.Request, name: str) -> str:
    """Give a part of the URL's path, as Postgres would hold it."""
    text: str = storable(request.match_info[name])
    return text


async def read_form(request: web.Request) -> Mapping[str, str]:
    """Give a form's texts by name, the last of several."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def see_other(location: str) -> web.Response:
    """Give the answer that leads to another page after a change."""
    return web.Response(status=303, headers={"Location": location})
