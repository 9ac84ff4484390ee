"""`variance export`: the messages of a contact or of a workspace, as lines that `variance import` takes again."""

import asyncio
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import orjson

from worker.cli.connecting import open_database
from worker.cli.failures import CommandError
from worker.cli.named_contact import find_contact
from worker.cli.options import data_option, json_option
from worker.cli.output import print_json, tell
from worker.cli.progress import show_progress
from worker.cli.servers import Servers, find_servers
from worker.exporting.commands import add_command, unlink_command
from worker.exporting.export import export_messages, one_moment
from worker.exporting.files import STANDARD_OUTPUT, open_export
from worker.store.connections import find_connections, find_workspace_id
from worker.store.database import Database
from worker.store.explanations import Candidate
from worker.store.exports import read_contact_facts, read_withdrawn
from worker.store.identities import read_members
from worker.store.messages import count_messages

_file_argument = click.argument("file", default=STANDARD_OUTPUT, type=click.Path(dir_okay=False, allow_dash=True))


@click.group("export")
def export_group() -> None:
    """Write messages out, as lines that `variance import` takes again.

    FILE is compressed where its name ends in .gz, and there only once it is whole; - is standard output.
    """


@export_group.command()
@click.argument("id_", metavar="ID")
@_file_argument
@click.option("--workspace", metavar="W", help="The contact's workspace, where ID is in several.")
@data_option
@json_option
def contact(id_: str, file: str, workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Write what one contact said, under all of its ids.

    ID is a contact's id, also one from before a merge, a userId, an anonymousId, or an e-mail address. With --json it
    is one document, with all that is known of the contact: its row, its account, its ids, its merges and its stays in
    accounts and audiences as well.
    """
    text = id_.encode(errors="replace").decode()
    asyncio.run(_export_contact(find_servers(directory), text, workspace, file, as_json=as_json))


@export_group.command("workspace")
@click.argument("name")
@_file_argument
@data_option
@json_option
def workspace_(name: str, file: str, directory: Path, *, as_json: bool) -> None:
    """Write all that a workspace has received and applied, as of one moment.

    Not in it are the connections and the withdrawn links (the commands that bring them back are told at the end), who
    was deleted, and the dead letters.
    """
    if as_json and file == STANDARD_OUTPUT:
        raise click.UsageError("standard output is for the messages, so give a FILE, or leave out --json")
    result = asyncio.run(_export_workspace(find_servers(directory), name, file))
    if as_json:
        print_json(result)
        return
    tell(f"exported {result['messages']:,} messages; before an import into another database, make the connections:")
    _tell_commands(result["connections"])
    if result["withdrawn_links"]:
        tell("and after it, withdraw the links that were withdrawn:")
        _tell_commands(result["withdrawn_links"])


async def _export_contact(servers: Servers, text: str, workspace: str | None, file: str, *, as_json: bool) -> None:
    async with open_database(servers) as database, one_moment(database):
        found = await find_contact(database, text, workspace)
        if not as_json:
            with open_export(file) as target:
                await export_messages(database, found.workspace_id, await _ids(database, found), target, _tell_nobody)
            return
        document = await _document(database, found)
    if file == STANDARD_OUTPUT:
        print_json(document)
        return
    with open_export(file) as target:
        target.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


async def _document(database: Database, found: Candidate) -> dict[str, Any]:
    """Give all that is known of a contact."""
    facts = await read_contact_facts(database, found.workspace, found.contact_id)
    lines = BytesIO()
    await export_messages(database, found.workspace_id, await _ids(database, found), lines, _tell_nobody)
    return facts | {"messages": [orjson.loads(line) for line in lines.getvalue().splitlines()]}


async def _ids(database: Database, found: Candidate) -> list[Any]:
    members, _ = await read_members(database, found.workspace_id, [found.contact_id])
    return list(members)


def _tell_commands(commands: Iterable[str]) -> None:
    for command in commands:
        click.echo(f"  {command}", err=True)


async def _export_workspace(servers: Servers, name: str, file: str) -> dict[str, Any]:
    """Write a workspace; give how many messages, and the commands that bring back what is not among them."""
    async with open_database(servers) as database, one_moment(database):
        workspace_id = await find_workspace_id(database, name)
        if workspace_id is None:
            raise CommandError(f"there is no workspace {name!r}")
        with open_export(file) as target, show_progress("Exporting", 100) as meter:
            total = await count_messages(database, workspace_id)

            def on_progress(lines: int) -> None:
                meter.show(round(100 * lines / max(total, lines)), f"{lines:,} messages")

            lines = await export_messages(database, workspace_id, None, target, on_progress)
        connections = await find_connections(database, workspace=name)
        withdrawn = await read_withdrawn(database, workspace_id)
    return {
        "messages": lines,
        "connections": [add_command(connection) for connection in connections],
        "withdrawn_links": [unlink_command(name, *link) for link in withdrawn],
    }


def _tell_nobody(_lines: int) -> None:
    """Show no progress."""
