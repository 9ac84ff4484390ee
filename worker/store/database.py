"""Connecting to Postgres, and how values cross over."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from worker.store.pooler import Opener

Database: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
"""A connection, pooled or not."""

Row: TypeAlias = asyncpg.Record | Mapping[str, Any]
"""What was read, by the columns' names."""


def to_jsonb(value: Any) -> str:
    """Write a value for a jsonb parameter. A stamp becomes an array.

    The rows of a statement are one such value, a list of objects: asyncpg looks at each element of an array by itself,
    which costs this process more than all else about a row.
    """
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: Any) -> Any:
    """Give what orjson can write: a stamp as an array, and one of asyncpg's own UUIDs as text."""
    return tuple(value) if isinstance(value, tuple) else str(value)


def from_jsonb(text: str | None) -> Any:
    """Read a jsonb column."""
    return None if text is None else orjson.loads(text)


def server_settings(application_name: str, statement_timeout_seconds: float) -> dict[str, str]:
    """Bound how long a connection may hold on to anything. `synchronous_commit` is what the promise rests on."""
    return {
        "application_name": application_name,
        "synchronous_commit": "on",
        "statement_timeout": f"{int(statement_timeout_seconds * 1000)}",
        "lock_timeout": f"{max(1, int(statement_timeout_seconds * 500))}",
        "idle_in_transaction_session_timeout": "15000",
        "client_connection_check_interval": "500",  # or a dead worker's statement holds its partition to the end
        "timezone": "UTC",
        "jit": "off",
        # Or Citus looks up each table, to leave its shards out, when a connection first asks of what type a value is:
        # for seconds. A plain Postgres takes no notice.
        "citus.override_table_visibility": "off",
    }


@asynccontextmanager
async def connect(
    database_url: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Open one connection for a command, with these settings besides the usual ones."""
    all_settings = server_settings("variance", statement_timeout_seconds=3600) | dict(settings or {})
    database = await Opener(all_settings)(database_url, timeout=10)
    try:
        yield database
    finally:
        await asyncio.shield(database.close(timeout=5))
