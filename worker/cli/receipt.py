"""`variance receipt`: what became of one message."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeAlias

import click
import orjson

from schemas.ids import index_key
from schemas.queue import QueuedMessage
from schemas.redis_away import REDIS_AWAY
from worker.cli.connecting import open_database, open_redis
from worker.cli.failures import CommandError, explain_server
from worker.cli.options import connection_option, data_option, json_option
from worker.cli.output import print_fields, print_json, tell
from worker.cli.servers import Servers, find_servers
from worker.queue_reading import QueueReading
from worker.store.connections import Connection, find_connections
from worker.store.receipts import Receipt, find_receipts
from worker.store.status import LedgerRow, read_ledger

_Place: TypeAlias = tuple[str | None, str | None]  # workspace and connection

_FINAL = ("applied", "suppressed")


@click.command()
@click.argument("message_id")
@connection_option
@data_option
@json_option
def receipt(message_id: str, connection: str | None, directory: Path, *, as_json: bool) -> None:
    """Show what became of one message, for each connection that has it.

    The outcome is applied, suppressed, dead, discarded, pending (accepted, and waiting), or unknown; that is exit code
    1. Copies of an applied message that still wait, and those that came with other contents, are duplicates of it.
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
    key = index_key(message_id)
    async with open_database(servers) as database:
        connections = {known.id: known for known in await find_connections(database, name=connection)}
        # What is settled by now and still stands in the queue is a duplicate, or was not removed yet.
        before = await find_receipts(database, key, connection)
        ledger = await read_ledger(database)
        is_complete = True
        pending: Sequence[Receipt] = []
        try:
            async with open_redis(servers) as redis:
                queue = QueueReading(redis)
                pending = [
                    _pending(message, connections.get(message.connection_id))
                    async for message in _waiting_in(queue, key, ledger)
                    if connection is None or message.connection_id in connections
                ]
        except (CommandError, *REDIS_AWAY) as failure:
            tell(f"the queue was not searched: {explain_server(failure)}")
            is_complete = False
        # After the queue, so that a message that leaves it in between is found here.
        settled = await find_receipts(database, key, connection)
    return _together(settled, pending, before), is_complete


def _together(settled: Sequence[Receipt], pending: Sequence[Receipt], before: Sequence[Receipt]) -> list[Receipt]:
    """Give the settled ones, and those that wait. `before` was settled before the queue was searched.

    A copy of what was applied or suppressed before will be a duplicate. What has only died may still be applied; and
    what was settled since has left the queue.
    """
    settled_before = {_place(found) for found in before if found.outcome in _FINAL}
    settled_since = {_place(found) for found in settled} - {_place(found) for found in before}
    copies = Counter(_place(found) for found in pending)
    shown = [
        replace(found, duplicates_waiting=copies[_place(found)] or None) if _place(found) in settled_before else found
        for found in settled
    ]
    only_waiting = {_place(found): found for found in pending if _place(found) not in settled_before | settled_since}
    return [*shown, *only_waiting.values()]


def _place(found: Receipt) -> _Place:
    return found.workspace, found.connection


async def _waiting_in(
    queue: QueueReading, key: str, ledger: Mapping[int, LedgerRow]
) -> AsyncIterator[QueuedMessage]:
    """Search the queue for every copy of a message; entries that were settled already are left out."""
    async for waiting in queue.all_messages():
        row = ledger.get(waiting.partition)
        is_settled = row is not None and waiting.entry_id in row.settled_entries
        if waiting.message.message_key == key and not is_settled:
            yield waiting.message


def _pending(message: QueuedMessage, connection: Connection | None) -> Receipt:
    said = _read(message.value)
    return Receipt(
        connection.name if connection else None,
        connection.workspace if connection else None,
        "pending",
        type=said.get("type") if message.is_accepted else None,
        reason=None if message.is_accepted else said.get("reason"),
        detail=None if message.is_accepted else said.get("detail"),
    )


def _read(value: bytes) -> dict[str, Any]:
    """Read what the queue carries; nothing is said by what none of our processes wrote."""
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _shown(message_id: str, found: Receipt) -> dict[str, Any]:
    return {"message_id": message_id, **asdict(found)}
