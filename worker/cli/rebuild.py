"""`variance rebuild`: folds the message log again."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from worker.cli.connecting import open_database
from worker.cli.failures import CommandError
from worker.cli.options import data_option, json_option
from worker.cli.output import print_fields, print_json, print_table
from worker.cli.progress import show_progress
from worker.cli.servers import Servers, find_servers
from worker.fold.account_rules import AccountRules
from worker.rebuild import Difference, RebuildOptions
from worker.rebuild import rebuild as fold_again
from worker.store.connections import find_workspace_id

_EXAMPLE_COLUMNS = ("contact_id", "external_id", "account", "source", "new_account", "new_source")


@click.command()
@click.option("--workspace", metavar="W", help="Only this workspace.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Only say what would change.")
@data_option
@json_option
def rebuild(workspace: str | None, directory: Path, *, is_dry_run: bool, as_json: bool) -> None:
    """Fold the message log again into contacts and accounts, while traffic goes on.

    Only rows that differ are written, in one transaction; after any history there should be none, but for what
    people said of companies who were deleted since.
    """
    difference = asyncio.run(run_rebuild(find_servers(directory), workspace, {}, is_dry_run=is_dry_run))
    print_difference(difference, is_dry_run=is_dry_run, as_json=as_json)


async def run_rebuild(
    servers: Servers, workspace: str | None, rules: Mapping[str, AccountRules], *, is_dry_run: bool
) -> Difference:
    """Fold a workspace's messages again, with these connections' rules, and show how far it is."""
    async with open_database(servers) as database:
        workspace_id = None if workspace is None else await find_workspace_id(database, workspace)
    if workspace is not None and workspace_id is None:
        raise CommandError(f"there is no workspace {workspace!r}")
    options = RebuildOptions(workspace_id, rules, is_dry_run)
    with show_progress("Folding", 100) as meter:

        def on_progress(done: int, total: int) -> None:
            meter.show(round(100 * done / total), f"{done:,} of {total:,} messages")

        return await fold_again(servers.require_database(), options, on_progress)


def print_difference(difference: Difference, *, is_dry_run: bool, as_json: bool) -> None:
    """Print what changed, or would change."""
    report: dict[str, Any] = {"dry_run": is_dry_run, **asdict(difference)}
    if as_json:
        print_json(report)
        return
    print_fields([(f"{table}, rows that differ", count) for table, count in difference.rows.items()])
    print_fields([("contacts that change their account", difference.moved_contacts)])
    if difference.examples:
        print_table(_EXAMPLE_COLUMNS, [[example[name] for name in _EXAMPLE_COLUMNS] for example in difference.examples])
