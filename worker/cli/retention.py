"""`variance retention`: how long events are kept."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from worker.cli.connecting import open_database
from worker.cli.failures import CommandError
from worker.cli.options import data_option, json_option, read_duration
from worker.cli.output import print_fields, print_json, print_table
from worker.cli.servers import Servers, find_servers
from worker.store import retention as store
from worker.store.database import Database

_SHORTEST = timedelta(days=1)
_COLUMNS = ("workspace", "events_kept", "trimmed_until", "checked_at")
_workspace_option = click.option("--workspace", metavar="W", help="Which workspace; needed where there are several.")


@click.group()
def retention() -> None:
    """Say how long the workers keep events; contacts, accounts and what they come of are kept for good."""


@retention.command("set")
@click.argument("kept", metavar="DURATION", callback=read_duration)
@_workspace_option
@data_option
@json_option
def set_(kept: timedelta, workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Keep events for so long, such as 400d, and trim those that are older within minutes.

    From then on an event that occurred before is suppressed when it arrives, also an imported one, and also after
    `variance retention off`: nothing could tell it from a repeat of one that was trimmed. Import old history first.
    """
    if kept < _SHORTEST:
        raise click.BadParameter("events are kept for a day (1d) at least")
    if kept > store.LONGEST_KEPT:
        raise click.BadParameter("events are kept for 36500d at most; `variance retention off` keeps them for good")
    _print(asyncio.run(_set(find_servers(directory), workspace, kept)), as_json=as_json)


@retention.command()
@_workspace_option
@data_option
@json_option
def off(workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Keep events for good again. What was trimmed stays away."""
    _print(asyncio.run(_set(find_servers(directory), workspace, None)), as_json=as_json)


@retention.command()
@data_option
@json_option
def show(directory: Path, *, as_json: bool) -> None:
    """Show how long each workspace keeps its events, and from before when they are gone."""
    found = asyncio.run(_show(find_servers(directory)))
    if as_json:
        print_json(found)
    else:
        print_table(_COLUMNS, [[row[name] for name in _COLUMNS] for row in found])


async def _set(servers: Servers, workspace: str | None, kept: timedelta | None) -> Mapping[str, Any]:
    async with open_database(servers) as database:
        found = await _find(database, workspace)
        await store.set_retention(database, found.workspace_id, kept)
    return _described(found.workspace, kept, found.trimmed_until, None)


async def _find(database: Database, workspace: str | None) -> store.Retention:
    """Find the workspace that is meant."""
    known = await store.list_retention(database)
    found = [other for other in known if workspace in (None, other.workspace)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(other.workspace for other in known)
    if found:
        raise click.UsageError(f"there are several workspaces, so give --workspace: {names}")
    if not known:
        raise CommandError("there is no workspace yet: `variance connections add NAME` makes one")
    raise CommandError(f"there is no workspace {workspace!r}; there are: {names}")


async def _show(servers: Servers) -> Sequence[Mapping[str, Any]]:
    async with open_database(servers) as database:
        known = await store.list_retention(database)
    return [_described(row.workspace, row.kept, row.trimmed_until, row.checked_at) for row in known]


def _described(
    workspace: str, kept: timedelta | None, trimmed_until: datetime | None, checked_at: datetime | None
) -> Mapping[str, Any]:
    values = (workspace, _text(kept), trimmed_until, checked_at)
    return dict(zip(_COLUMNS, values, strict=True))


def _text(kept: timedelta | None) -> str:
    """Write a span as `retention set` reads it."""
    if kept is None:
        return "for good"
    seconds = int(kept.total_seconds())
    unit, length = next((unit, length) for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
                        if seconds % length == 0)  # fmt: skip
    return f"{seconds // length}{unit}"


def _print(result: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        print_fields(result.items())
