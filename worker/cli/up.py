"""`variance up`: the whole system, until Ctrl-C."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from schemas.listening import Place, metrics_place
from schemas.settings import ConsoleSettings, SettingsError, WebSettings, WorkerSettings, read_settings
from worker.cli.options import data_option, json_option
from worker.cli.output import print_json, tell
from worker.cli.servers import servers_of
from worker.embedded.data_dir import DEFAULT_DIRECTORY, RunningServers
from worker.up.up import UpOptions, run_up

_STARTED_HERE = {"REDIS_URL": "redis://127.0.0.1", "DATABASE_URL": "postgresql://127.0.0.1"}
"""Stands for the servers whose addresses are not known yet."""


class _PortOption(click.Option):
    """An option that a variable may give; a blank one counts as unset, as in all settings."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Give the variable's text, if it has any."""
        text = super().resolve_envvar_value(ctx)
        return text if text and text.strip() else None


@click.command()
@click.option(
    "--port", cls=_PortOption, type=click.IntRange(1, 65535), envvar="PORT", show_envvar=True, default=8080,
    show_default=True, help="Of the endpoint.",
)  # fmt: skip
@click.option(
    "--console-port", cls=_PortOption, type=click.IntRange(1, 65535), envvar="CONSOLE_PORT", show_envvar=True,
    default=8081, show_default=True, help="Of the console.",
)  # fmt: skip
@click.option("--demo", "is_demo", is_flag=True, help="Send a week of sample traffic, and show what comes of it.")
@data_option
@json_option
def up(port: int, console_port: int, directory: Path, *, is_demo: bool, as_json: bool) -> None:
    """Run every process of the Procfile, until Ctrl-C.

    Where REDIS_URL or DATABASE_URL is not set, an embedded server runs on the data directory, durably. A connection
    named default is made where it is missing; its secret is kept in the data directory, for its owner only, so that
    the curl line printed here works each time.
    """
    _refuse_wrong_settings(port, console_port)

    async def is_released(database_url: str) -> bool:
        from worker.migrate import is_current  # noqa: PLC0415 (loaded while the servers start)

        return await is_current(database_url)

    async def on_ready(running: RunningServers) -> None:
        from worker.cli.welcome import make_welcome, print_welcome  # noqa: PLC0415 (loaded while the processes start)

        servers = servers_of(running, directory)
        welcome = await make_welcome(servers, running.web_at)
        if not as_json:
            print_welcome(welcome, running.web_at)
        results: Mapping[str, Any] = {}
        if is_demo:
            from worker.cli.demo import run_demo  # noqa: PLC0415 (loading it takes long, and few want it)

            results = await run_demo(servers, running.web_at, as_json=as_json)
            if directory != DEFAULT_DIRECTORY:
                tell(f"add `--data {shlex.quote(str(directory))}` to these `variance` commands")
        if as_json:
            console = {"sign_in_url": welcome.pop("console")}
            print_json({"connection": welcome, "console": console, **results})

    options = UpOptions(
        port=port,
        console_port=console_port,
        directory=directory,
        is_released=is_released,
        on_ready=on_ready,
    )
    raise click.exceptions.Exit(run_up(options))


def _refuse_wrong_settings(port: int, console_port: int) -> None:
    """Raise SettingsError where a process would end for its environment: it would be started again for ever."""
    given = {name: value for name, value in os.environ.items() if value.strip()}
    given |= {"PORT": str(port), "CONSOLE_PORT": str(console_port)}
    for kind in (WebSettings, ConsoleSettings):
        read_settings(kind, _STARTED_HERE | given)
    place = metrics_place(read_settings(WorkerSettings, _STARTED_HERE | given))
    if place is not None:
        _refuse_own_port(place, {"--port (PORT)": port, "--console-port (CONSOLE_PORT)": console_port})
        from worker.metrics_port import refuse_wrong_metrics  # noqa: PLC0415 (loads what few want)

        refuse_wrong_metrics(place)


def _refuse_own_port(metrics: Place, own: Mapping[str, int]) -> None:
    for option, port in own.items():
        if metrics.port == port:
            raise SettingsError(f"{option} and {metrics.port_variable} are both {port}: give one of them another")
