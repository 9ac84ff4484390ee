"""The connection that a command is told by its name."""

import click

from worker.cli.failures import CommandError
from worker.store.connections import Connection, find_connections
from worker.store.database import Database


async def find_connection(database: Database, name: str, workspace: str | None) -> Connection:
    """Find the one connection with this name. Raises CommandError where there is none; wrong usage where several."""
    found = await find_connections(database, name, workspace)
    if len(found) == 1:
        return found[0]
    if found:
        workspaces = ", ".join(connection.workspace for connection in found)
        message = f"there is a connection {name!r} in several workspaces, so give --workspace: {workspaces}"
        raise click.UsageError(message)
    place = "" if workspace is None else f" in workspace {workspace!r}"
    message = f"there is no connection {name!r}{place}: `variance connections list` shows all"
    raise CommandError(message)
