"""`variance up`: the whole system, until Ctrl-C."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from schemas.settings import read_settings
from worker.cli.connecting import open_database
from worker.cli.demo import Demo
from worker.cli.kept_secrets import KeptSecrets
from worker.cli.options import data_option, json_option
from worker.cli.output import print_fields, print_json, tell
from worker.cli.own_connections import ensure_connection
from worker.cli.publishing import publish
from worker.cli.servers import GivenServers, Servers, servers_of
from worker.console.sign_in_links import OPERATOR, make_sign_in_link
from worker.embedded.data_dir import DEFAULT_DIRECTORY, RunningServers
from worker.fold.account_rules import AccountRules
from worker.new_connection import DEFAULT_WORKSPACE
from worker.up.up import UpOptions, run_up

_NAME = "default"
_WIDTH_WITHOUT_TERMINAL = 120
_NO_SECRET = f"(shown when it was made; `variance connections rotate-secret {_NAME}` makes a new one)"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Of the endpoint.")
@click.option("--console-port", type=click.IntRange(1, 65535), default=8081, show_default=True, help="Of the console.")
@click.option("--demo", "is_demo", is_flag=True, help="Send a week of sample traffic, and show what comes of it.")
@data_option
@json_option
def up(port: int, console_port: int, directory: Path, *, is_demo: bool, as_json: bool) -> None:
    """Run every process of the Procfile, until Ctrl-C.

    Where REDIS_URL or DATABASE_URL is not set, an embedded server runs on the data directory, durably. A connection
    named default is made where it is missing; its secret is kept in the data directory, for its owner only, so that
    the curl line printed here works each time.
    """
    read_settings(GivenServers)

    async def on_ready(running: RunningServers) -> None:
        servers = servers_of(running, directory)
        base_url = f"http://127.0.0.1:{running.port}"
        welcome = await _welcome(servers, base_url)
        if not as_json:
            _print_welcome(welcome, base_url)
        results: Mapping[str, Any] = {}
        if is_demo:
            results = await _run_demo(Demo(servers, base_url), as_json=as_json)
            if directory != DEFAULT_DIRECTORY:
                tell(f"add `--data {shlex.quote(str(directory))}` to these `variance` commands")
        if as_json:
            console = {"sign_in_url": welcome.pop("console")}
            print_json({"connection": welcome, "console": console, **results})

    options = UpOptions(port=port, console_port=console_port, directory=directory, on_ready=on_ready)
    raise click.exceptions.Exit(run_up(options))


async def _welcome(servers: Servers, base_url: str) -> dict[str, str | None]:
    """Make the first connection, and tell how to post to it."""
    async with open_database(servers) as database:
        kept = KeptSecrets(servers.directory)
        connection = await ensure_connection(database, kept, _NAME, DEFAULT_WORKSPACE, AccountRules("group"))
        await publish(servers, database)
        sign_in_url = await make_sign_in_link(database, servers.console_url, OPERATOR)
    return {
        "id": connection.id,
        "name": connection.name,
        "workspace": DEFAULT_WORKSPACE,
        "webhook_url": servers.webhook_url(connection.id),
        "secret": connection.secret,
        "curl": connection.curl_line(base_url),
        "console": sign_in_url,
    }


def _print_welcome(welcome: Mapping[str, str | None], base_url: str) -> None:
    click.echo(f"\nVariance ingest runs at {base_url}; Ctrl-C ends it.\n")
    print_fields([
        ("console", f"{welcome['console']}"),
        ("", "(the link signs you in once, within the hour; `variance console-user link` makes another)"),
        ("webhook URL", welcome["webhook_url"]),
        ("secret", welcome["secret"] or _NO_SECRET),
        *([("try it", welcome["curl"])] if welcome["curl"] else []),
    ])  # fmt: skip
    click.echo()


async def _run_demo(demo: Demo, *, as_json: bool) -> Mapping[str, Any]:
    await demo.run()
    if as_json:
        return await demo.results()
    await demo.show(Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL))
    click.echo("\nThe system goes on running; Ctrl-C ends it.")
    return {}
