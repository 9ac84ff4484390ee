"""`variance up --demo`: a week of a company's traffic, through the running system and into its tables.

The demo has a workspace of its own, so that it never mixes with anybody's contacts. Which week it is, is kept in the
data directory: sent again, every message of it is recognised as a duplicate.
"""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from worker.balance import read_balance
from worker.cli.connecting import open_database, open_redis
from worker.cli.kept_secrets import KeptSecrets
from worker.cli.own_connections import OwnConnection, ensure_connection, with_secret
from worker.cli.progress import Meter, show_progress
from worker.cli.publishing import publish
from worker.cli.servers import Servers
from worker.demo.connections import APP, CONNECTIONS, DemoConnection
from worker.demo.report import demo_results, print_demo
from worker.demo.send import ConnectionSecret, send_week
from worker.demo.traffic import DemoWeek, demo_week
from worker.embedded.data_dir import DataDirectoryError
from worker.embedded.private_file import write_private_file
from worker.fold.account_rules import AccountRules
from worker.queue_reading import QueueReading
from worker.store.status import read_ledger
from worker.store.transactions import Transactions

WORKSPACE = "demo"

_POLL_SECONDS = 0.1
_WIDTH_WITHOUT_TERMINAL = 120


class Demo:
    """The demo of one running system, reached at `base_url`."""

    def __init__(self, servers: Servers, base_url: str) -> None:
        self._servers = servers
        self._base_url = base_url
        self._connections: Mapping[str, OwnConnection] = {}

    async def run(self) -> None:
        """Send the week, and wait until all of it has been applied. Raises DemoNotSentError."""
        self._connections = await self._ensure_connections()
        week = demo_week(_kept_moment(self._servers.directory))
        await self._send(week)
        await self._wait()

    async def show(self, console: Console) -> None:
        """Print what came of it."""
        await print_demo(self._servers.require_database(), console, **await self._report())

    async def results(self) -> dict[str, Any]:
        """Give what came of it as values for JSON."""
        return await demo_results(self._servers.require_database(), **await self._report())

    async def _ensure_connections(self) -> Mapping[str, OwnConnection]:
        kept = KeptSecrets(self._servers.directory)
        async with open_database(self._servers) as database:
            connections = {}
            for wanted in CONNECTIONS:
                made = await ensure_connection(database, kept, wanted.name, WORKSPACE, _rules(wanted))
                connections[wanted.name] = await with_secret(database, kept, made)
            await publish(self._servers, database)
        return connections

    async def _send(self, week: DemoWeek) -> None:
        secrets = {
            name: ConnectionSecret(connection.id, connection.secret or "", f"/webhook/{connection.id}")
            for name, connection in self._connections.items()
        }
        sent = 0
        with show_progress("Sending", week.messages) as meter:

            def on_progress(messages: int) -> None:
                nonlocal sent
                sent += messages
                meter.show(sent, f"{sent:,} of {week.messages:,} messages")

            await send_week(week, self._base_url, secrets, on_progress)

    async def _wait(self) -> None:
        async with open_redis(self._servers) as redis:
            accepted = [partition.accepted for partition in await QueueReading(redis).partitions()]
        transactions = Transactions(self._servers.require_database())
        try:
            with show_progress("Applying", sum(accepted)) as meter:
                while await _left(transactions, accepted, meter):  # noqa: ASYNC110 (others settle them)
                    await asyncio.sleep(_POLL_SECONDS)
        finally:
            await transactions.close()

    async def _report(self) -> dict[str, Any]:
        async with open_database(self._servers) as database, open_redis(self._servers) as redis:
            balance = await read_balance(database, QueueReading(redis))
        curl_line = self._connections[APP.name].curl_line(self._base_url)
        return {"workspace": WORKSPACE, "ledger": balance.counts(), "curl_line": curl_line}


async def run_demo(servers: Servers, base_url: str, *, as_json: bool) -> Mapping[str, Any]:
    """Send the week and show what comes of it, or give that as values for JSON. Raises DemoNotSentError."""
    demo = Demo(servers, base_url)
    await demo.run()
    if as_json:
        return await demo.results()
    await demo.show(Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL))
    click.echo("\nThe system goes on running; Ctrl-C ends it.")
    return {}


async def _left(transactions: Transactions, accepted: list[int], meter: Meter) -> int:
    """Show and give how many of the messages that had been accepted are not settled."""
    ledger = await transactions.run(read_ledger)
    settled = [ledger[number].tally.total if number in ledger else 0 for number in range(len(accepted))]
    left = sum(max(wanted - done, 0) for wanted, done in zip(accepted, settled, strict=True))
    total = sum(accepted)
    meter.show(total - left, f"{total - left:,} of {total:,} messages")
    return left


def _rules(wanted: DemoConnection) -> AccountRules:
    paths = AccountRules(wanted.accounts)
    return AccountRules(
        wanted.accounts,
        wanted.account_id_trait or paths.id_trait,
        wanted.account_name_trait or paths.name_trait,
    )


def _kept_moment(directory: Path) -> datetime:
    """Give the moment at which the demo's week ends: that of the first time."""
    path = directory / "demo.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=datetime)
    except FileNotFoundError:
        pass
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise DataDirectoryError(message) from error
    now = datetime.now(UTC)
    write_private_file(path, msgspec.json.encode(now))
    return now
