"""`variance unlink`: withdraws the link that one message made."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from schemas.ids import index_key
from worker.cli.connecting import reachable_database
from worker.cli.failures import CommandError
from worker.cli.options import connection_option, data_option, json_option, workspace_option
from worker.cli.output import print_fields, print_json
from worker.cli.servers import Servers, find_servers
from worker.store.connections import find_logged
from worker.store.database import Database
from worker.store.ledger import read_all_rules
from worker.store.transactions import Transactions
from worker.unlink import NoLinkError
from worker.unlink import unlink as withdraw


@click.command()
@click.argument("message_id")
@connection_option
@workspace_option
@click.option("--undo", is_flag=True, help="Give the link back.")
@data_option
@json_option
def unlink(  # noqa: PLR0913 (one for each option)
    message_id: str, connection: str | None, workspace: str | None, directory: Path, *, undo: bool, as_json: bool
) -> None:
    """Withdraw the link between two ids that this message made, as if it had never been.

    Whatever else the message says stays. `variance explain` and the view variance.merges show what was withdrawn.
    """
    result = asyncio.run(_unlink(find_servers(directory), message_id, connection, workspace, undo=undo))
    if as_json:
        print_json(result)
    else:
        print_fields(result.items())


async def _unlink(
    servers: Servers, message_id: str, connection: str | None, workspace: str | None, *, undo: bool
) -> Mapping[str, Any]:
    transactions = Transactions(await reachable_database(servers))

    async def work(database: Database) -> Mapping[str, Any]:
        logged = await find_logged(database, index_key(message_id), connection)
        found = [row for row in logged if workspace in (None, row["workspace"])]
        if not found:
            raise CommandError(f"no message {message_id!r} was applied")
        if len(found) > 1:
            names = ", ".join(sorted(f"{row['connection']} of {row['workspace']}" for row in found))
            message = f"several connections have the message, so give --connection and --workspace: {names}"
            raise click.UsageError(message)
        (row,) = found
        key = (row["connection_id"], index_key(message_id))
        try:
            await withdraw(database, row["workspace_id"], key, await read_all_rules(database), undo=undo)
        except NoLinkError as error:
            raise CommandError(str(error)) from None
        return {
            "message_id": message_id,
            "connection": row["connection"],
            "workspace": row["workspace"],
            "link": "given back" if undo else "withdrawn",
        }

    try:
        return await transactions.run(work)
    finally:
        await transactions.close()
