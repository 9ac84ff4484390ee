"""`variance migrate`."""

import asyncio
from pathlib import Path

import click

from worker.cli.connecting import open_database
from worker.cli.failures import CommandError
from worker.cli.options import data_option, json_option
from worker.cli.output import print_json
from worker.cli.servers import find_servers
from worker.migrate import Migrated, Version, bring_up_to_date, read_version


@click.command()
@data_option
@json_option
@click.option("--check", "is_check", is_flag=True, help="Change nothing; exit with 1 where something is to be done.")
def migrate(directory: Path, *, as_json: bool, is_check: bool) -> None:
    """Bring the database to this version. Safe to run twice, and from two places at once.

    Where the extension Citus is in the database, its tables are spread over the cluster by workspace.
    """
    if is_check:
        _tell(asyncio.run(_read(directory)), as_json=as_json)
        return
    migrated = asyncio.run(_migrate(directory))
    if as_json:
        print_json({"applied": migrated.applied, "placed": migrated.placed})
        return
    lines = [f"applied {name}" for name in migrated.applied] + [f"spread {table}" for table in migrated.placed]
    click.echo("\n".join(lines) or "the database is at this version already")


def _tell(version: Version, *, as_json: bool) -> None:
    placement = version.placement
    if as_json:
        print_json({
            "is_current": version.is_current,
            "missing": version.missing,
            "has_citus": placement.has_citus,
            "not_placed": placement.missing,
            "misplaced": placement.misplaced,
        })  # fmt: skip
        if not version.is_current:
            raise SystemExit(1)
        return
    if version.missing or placement.missing:
        wanted = ", ".join([*version.missing, *(f"the place of {table}" for table in placement.missing)])
        raise CommandError(f"run `variance migrate`: the database lacks {wanted}")
    if placement.misplaced:
        tables = ", ".join(placement.misplaced)
        raise CommandError(
            f"Citus has these tables in the wrong place: {tables}. Call undistribute_table('variance_data.TABLE') for "
            "each, then run `variance migrate`"
        )
    click.echo("the database is at this version" + (", and Citus has its tables by workspace" * placement.has_citus))


async def _migrate(directory: Path) -> Migrated:
    servers = find_servers(directory)
    async with open_database(servers):
        return await bring_up_to_date(servers.require_database())


async def _read(directory: Path) -> Version:
    async with open_database(find_servers(directory)) as database:
        return await read_version(database)
