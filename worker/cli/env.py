"""`variance env`."""

from pathlib import Path

import click

from worker.cli.options import data_option, json_option
from worker.cli.output import print_json
from worker.cli.servers import find_servers


@click.command()
@click.argument("variable", required=False, type=click.Choice(["DATABASE_URL", "REDIS_URL"]))
@data_option
@json_option
def env(variable: str | None, directory: Path, *, as_json: bool) -> None:
    """Print where the running system's servers are.

    With a variable's name its value alone: psql "$(variance env DATABASE_URL)". Without one, NAME=VALUE lines.
    """
    servers = find_servers(directory)
    getters = {"DATABASE_URL": servers.require_database, "REDIS_URL": servers.require_redis}
    values = {name: get() for name, get in getters.items() if variable in (None, name)}
    if as_json:
        print_json(values)
    elif variable is not None:
        click.echo(values[variable])
    else:
        click.echo("\n".join(f"{name}={value}" for name, value in values.items()))
