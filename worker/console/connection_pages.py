"""The connections: all of them, one of them, and what can be done to it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from schemas.connection import secret_sha256
from worker.console.connection_form import ConnectionForm
from worker.console.light import light_of
from worker.console.parts import (
    REDIS,
    draw,
    now,
    open_database,
    path_text,
    read_form,
    see_other,
    webhook_url,
    write_audit,
)
from worker.failure import SERVERS_AWAY
from worker.failure_reason import reason_of
from worker.new_connection import new_secret
from worker.publish import publish_connections
from worker.sql import statement
from worker.store.arrivals import LONG_SECONDS, Arrivals, read_arrivals, sum_arrivals
from worker.store.connections import Connection, enable_connection, find_connections, lock_connection, rotate_secret
from worker.store.database import Database

_LOG = structlog.get_logger(__name__)
_NOTHING = Arrivals(0, 0, 0, None)
_DAY = timedelta(days=1)
_BARS = 24
_OVERLAPS = {"0": timedelta(0), "1": timedelta(hours=1), "24": timedelta(hours=24), "168": timedelta(days=7)}


async def list_connections(request: web.Request) -> web.StreamResponse:
    """Show all connections: how each fares, how much it receives, and its last error."""
    async with open_database(request) as database:
        connections = await find_connections(database)
        shown = await _described(database, connections)
    return draw("connections.html", request, connections=shown, workspaces={c.workspace for c in connections})


async def show_connection(request: web.Request) -> web.StreamResponse:
    """Show one connection, and what can be done to it."""
    async with open_database(request) as database:
        connection = await find_connection(request, database)
        (shown,) = await _described(database, [connection])
    return draw("connection.html", request, **page_of(request, connection), shown=shown, secret=None)


async def show_light(request: web.Request) -> web.StreamResponse:
    """Show the waiting light alone."""
    async with open_database(request) as database:
        connection = await find_connection(request, database)
        (shown,) = await _described(database, [connection])
        first = None
        if shown["light"].state in ("receiving", "quiet"):
            first = await database.fetchrow(statement("find_any_message"), connection.workspace_id, connection.id)
    return draw("part_light.html", request, connection=connection, shown=shown, first=first)


async def rotate(request: web.Request) -> web.StreamResponse:
    """Give a connection a new secret, and show it this once."""
    form = await read_form(request)
    overlap = _OVERLAPS.get(form.get("overlap", ""))
    if overlap is None:
        raise web.HTTPBadRequest(text="Say how long the old secret stays good.")
    secret = new_secret()
    async with open_database(request) as database, database.transaction():
        connection = await lock_unchanged(request, database, form)
        expires_at = now() + overlap if overlap else None
        await rotate_secret(database, connection.id, secret_sha256(secret), expires_at)
        await write_audit(request, database, "rotated the secret", connection.name, old_good_until=expires_at)
        # Once it is committed nothing may keep the page from being drawn: nobody else knows the secret.
        connection = await find_connection(request, database)
        (shown,) = await _described(database, [connection])
    is_late = not await publish(request)
    page = page_of(request, connection)
    return draw("connection.html", request, **page, shown=shown, secret=secret, is_late=is_late)


async def enable(request: web.Request) -> web.StreamResponse:
    """Enable or disable a connection."""
    form = await read_form(request)
    is_enabled = form.get("is_enabled") == "yes"
    async with open_database(request) as database, database.transaction():
        connection = await lock_unchanged(request, database, form)
        await enable_connection(database, connection.id, is_enabled=is_enabled)
        await write_audit(request, database, "enabled" if is_enabled else "disabled", connection.name)
    await publish(request)
    return see_other(f"/connections/{connection.id}")


async def find_connection(request: web.Request, database: Database) -> Connection:
    """Find the connection that the URL names. Raises HTTPNotFound."""
    found = await find_connections(database, id_=path_text(request, "id"))
    if not found:
        raise web.HTTPNotFound(text="There is no connection with this id.")
    return found[0]


async def lock_unchanged(request: web.Request, database: Database, form: Mapping[str, str]) -> Connection:
    """Lock the connection that the URL names. Raises HTTPConflict where it is not what the page had shown."""
    connection = await lock_connection(database, path_text(request, "id"))
    if connection is None:
        raise web.HTTPNotFound(text="There is no connection with this id.")
    if version_of(connection) != form.get("version"):
        raise web.HTTPConflict(
            text=f"Somebody else changed {connection.name} after this page was drawn. Nothing was done: look again."
        )
    return connection


def version_of(connection: Connection) -> str:
    """Give what is another one whenever the connection is another."""
    return hashlib.sha256(repr(connection).encode()).hexdigest()[:16]


def page_of(request: web.Request, connection: Connection) -> dict[str, Any]:
    """Give what a connection's page shows whatever it is about."""
    url = webhook_url(request, connection.id)
    return {
        "connection": connection,
        "version": version_of(connection),
        "webhook_url": url,
        "is_reachable": is_reachable(url),
        "base_url": url.partition("/webhook/")[0],
        "form": ConnectionForm.of_rules(connection.rules),
        "faults": {},
    }


def is_reachable(url: str) -> bool:
    """Tell whether Segment could post to this URL: by HTTPS, and not on the console's own machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1")


async def publish(request: web.Request) -> bool:
    """Tell the endpoint of a change. False where a server is away; a worker does so when it is back."""
    try:
        async with open_database(request) as database:
            await publish_connections(database, request.app[REDIS])
    except SERVERS_AWAY as failure:
        _LOG.warning("connections not published", failure=reason_of(failure))
        return False
    return True


async def _described(database: Database, connections: list[Connection]) -> list[dict[str, Any]]:
    moment = now()
    ids = [connection.id for connection in connections]
    sums = await sum_arrivals(database, ids, moment)
    spans = await read_arrivals(database, ids, LONG_SECONDS, moment - _DAY)
    described = []
    for connection in connections:
        arrivals = sums.get(connection.id, _NOTHING)
        error = await database.fetchrow(statement("find_last_error"), connection.id)
        has_messages = arrivals.last_at is not None or await database.fetchval(
            statement("has_messages"), connection.workspace_id, connection.id
        )
        light = light_of(connection, has_messages=has_messages, arrivals=arrivals, last_error=error, now=moment)
        described.append({
            "connection": connection, "light": light, "arrivals": arrivals, "error": error,
            "hours": _by_hour(spans[connection.id], moment),
        })  # fmt: skip
    return described


def _by_hour(spans: Mapping[datetime, int], moment: datetime) -> list[int]:
    """Sum spans up to the hours of the last day, the oldest first."""
    hours = [0] * _BARS
    for started_at, messages in spans.items():
        age = int((moment - started_at) / timedelta(hours=1))
        if 0 <= age < _BARS:
            hours[_BARS - 1 - age] += messages
    return hours
