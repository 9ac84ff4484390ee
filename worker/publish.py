"""Publishes the connections to Redis, where the edge reads them. Postgres is where they are kept."""

import time
from collections.abc import Awaitable, Iterable
from typing import cast

import msgspec
from redis.asyncio import Redis

from schemas.connection import (
    CONNECTIONS_KEY,
    CONNECTIONS_VERSION_KEY,
    PublishedConnection,
    PublishedSecret,
)
from schemas.redis_client import Command
from schemas.redis_commands import run_together
from worker.sql import statement
from worker.store.database import Database
from worker.store.locks import PUBLISH_LOCK, await_lock


async def publish_connections(database: Database, redis: Redis) -> bool:
    """Make Redis hold just the connections that Postgres holds. Tells whether anything changed."""
    async with database.transaction():
        # One after the other: who read Postgres before a change must not write to Redis after it.
        await await_lock(database, PUBLISH_LOCK)
        return await _publish(await read_published(database), redis)


async def _publish(connections: Iterable[PublishedConnection], redis: Redis) -> bool:
    wanted = {connection.id: msgspec.json.encode(connection) for connection in connections}
    found = await cast("Awaitable[dict[bytes, bytes]]", redis.hgetall(CONNECTIONS_KEY))
    held = {id_.decode(): value for id_, value in found.items()}
    if held == wanted and await redis.exists(CONNECTIONS_VERSION_KEY):
        return False
    said = [word for pair in wanted.items() for word in pair]
    commands: list[Command] = [("HSET", CONNECTIONS_KEY, *said)] if wanted else []
    if gone := held.keys() - wanted.keys():
        commands.append(("HDEL", CONNECTIONS_KEY, *gone))
    # On a cluster this is no transaction. Without a version the edge keeps what it has, and whoever comes after one
    # that died halfway begins anew. It is not a count, which a Redis that was emptied would begin again, at numbers
    # that the edge has seen.
    commands = [("DEL", CONNECTIONS_VERSION_KEY), *commands, ("SET", CONNECTIONS_VERSION_KEY, time.time_ns())]
    await run_together(redis, commands)
    return True


async def read_published(database: Database) -> list[PublishedConnection]:
    """Read all connections in the form in which they are published."""
    rows = await database.fetch(statement("read_published_connections"))
    return [
        PublishedConnection(
            id=row["id"],
            workspace_id=row["workspace_id"],
            name=row["name"],
            is_enabled=row["is_enabled"],
            secrets=[
                PublishedSecret(row["secret_sha256"]),
                *(
                    [PublishedSecret(row["previous_secret_sha256"], row["previous_secret_expires_at"].timestamp())]
                    if row["previous_secret_sha256"]
                    else []
                ),
            ],
        )
        for row in rows
    ]
