"""`variance migrate`."""

import asyncio
from pathlib import Path

import click

from worker.cli.connecting import open_database
from worker.cli.options import data_option, json_option
from worker.cli.output import print_json
from worker.cli.servers import find_servers
from worker.migrate import apply_migrations


@click.command()
@data_option
@json_option
def migrate(directory: Path, *, as_json: bool) -> None:
    """Bring the database to this version. Safe to run twice, and from two places at once."""
    applied = asyncio.run(_migrate(directory))
    if as_json:
        print_json({"applied": applied})
    else:
        click.echo("\n".join(f"applied {name}" for name in applied) or "the database is at this version already")


async def _migrate(directory: Path) -> list[str]:
    servers = find_servers(directory)
    async with open_database(servers):
        return await apply_migrations(servers.require_database())
