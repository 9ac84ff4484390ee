"""`variance receipt`: what became of one message."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson
from redis.exceptions import RedisError

from schemas.ids import message_key
from schemas.queue import QueuedMessage
from worker.cli.connecting import open_database, open_redis
from worker.cli.failures import CommandError, explain
from worker.cli.options import connection_option, data_option, json_option
from worker.cli.output import print_fields, print_json, tell
from worker.cli.servers import Servers, find_servers
from worker.queue_reading import QueueReading
from worker.store.connections import Connection, find_connections
from worker.store.receipts import Receipt, find_receipts


@click.command()
@click.argument("message_id")
@connection_option
@data_option
@json_option
def receipt(message_id: str, connection: str | None, directory: Path, *, as_json: bool) -> None:
    """Show what became of one message, for each connection that has it.

    The outcome is applied, suppressed, dead, pending, or unknown; that is exit code 1.
    """
    receipts, is_complete = asyncio.run(_receipts(find_servers(directory), message_id, connection))
    shown = [_shown(message_id, found) for found in receipts or [Receipt(connection, None, "unknown")]]
    if as_json:
        print_json(shown)
    else:
        for number, fields in enumerate(shown):
            if number:
                click.echo()
            print_fields((name, value) for name, value in fields.items() if value is not None)
    if not receipts and is_complete:
        tell("no message with this id is known")
    if not receipts or not is_complete:
        raise click.exceptions.Exit(1)


async def _receipts(servers: Servers, message_id: str, connection: str | None) -> tuple[list[Receipt], bool]:
    """Find the receipts; tell whether the queue could be searched, too."""
    key = message_key(message_id)
    async with open_database(servers) as database:
        connections = {known.id: known for known in await find_connections(database, name=connection)}
        is_complete = True
        pending: Sequence[Receipt] = []
        try:
            async with open_redis(servers) as redis:
                pending = await _pending(QueueReading(redis), key, connections, is_any=connection is None)
        except (CommandError, RedisError, OSError) as failure:
            tell(f"the queue was not searched: {explain(failure)}")
            is_complete = False
        # After the queue, so that a message that leaves it in between is found here.
        settled = await find_receipts(database, key, connection)
    places = {(found.workspace, found.connection) for found in settled}
    return settled + [found for found in pending if (found.workspace, found.connection) not in places], is_complete


async def _pending(
    queue: QueueReading, key: str, connections: dict[str, Connection], *, is_any: bool
) -> Sequence[Receipt]:
    """Search the queue; a message that waits in it twice is found once."""
    found: dict[str, Receipt] = {}
    async for waiting in queue.all_messages():
        message = waiting.message
        if message.message_key == key and (is_any or message.connection_id in connections):
            found[message.connection_id] = _waiting(message, connections.get(message.connection_id))
    return list(found.values())


def _waiting(message: QueuedMessage, connection: Connection | None) -> Receipt:
    body = orjson.loads(message.value)
    return Receipt(
        connection.name if connection else None,
        connection.workspace if connection else None,
        "pending",
        type=body["type"] if message.is_accepted else None,
        reason=None if message.is_accepted else body["reason"],
        detail=None if message.is_accepted else body["detail"],
    )


def _shown(message_id: str, found: Receipt) -> dict[str, Any]:
    return {"message_id": message_id, **asdict(found)}
