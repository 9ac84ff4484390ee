"""`variance connections change`: another way to match accounts, for what has come as well."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from worker.cli.connecting import open_database
from worker.cli.named_connection import find_connection
from worker.cli.options import (
    check_name,
    data_option,
    exclude_domain_option,
    include_domain_option,
    json_option,
    workspace_option,
)
from worker.cli.rebuild import print_difference, run_rebuild
from worker.cli.servers import Servers, find_servers
from worker.fold.account_rules import SOURCES, AccountRules, Source
from worker.rebuild import Difference


@click.command()
@click.argument("name")
@click.option("--accounts", type=click.Choice(SOURCES), help="How a contact's account is found.")
@click.option("--account-id-trait", metavar="PATH", callback=check_name)
@click.option("--account-name-trait", metavar="PATH", callback=check_name)
@click.option("--email-fallback/--no-email-fallback", default=None)
@click.option("--mail-provider-accounts/--no-mail-provider-accounts", default=None)
@exclude_domain_option
@include_domain_option
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Only say how many contacts would move, with examples.")
@workspace_option
@data_option
@json_option
def change(  # noqa: PLR0913 (the command's options)
    *,
    name: str,
    accounts: Source | None,
    account_id_trait: str | None,
    account_name_trait: str | None,
    email_fallback: bool | None,
    mail_provider_accounts: bool | None,
    excluded_domains: frozenset[str],
    included_domains: frozenset[str],
    is_dry_run: bool,
    workspace: str | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Change how a connection matches accounts, and fold again what its workspace has received."""
    wanted = {
        "method": accounts,
        "id_trait": account_id_trait,
        "name_trait": account_name_trait,
        "email_fallback": email_fallback,
        "mail_provider_accounts": mail_provider_accounts,
        "excluded_domains": excluded_domains or None,
        "included_domains": included_domains or None,
    }
    changes = {field: value for field, value in wanted.items() if value is not None}
    if not changes:
        raise click.UsageError("say what to change, with --accounts or another of the options")
    difference = asyncio.run(_change(find_servers(directory), name, workspace, changes, is_dry_run=is_dry_run))
    print_difference(difference, is_dry_run=is_dry_run, as_json=as_json)


async def _change(
    servers: Servers, name: str, workspace: str | None, changes: Mapping[str, object], *, is_dry_run: bool
) -> Difference:
    async with open_database(servers) as database:
        connection = await find_connection(database, name, workspace)
    rules: AccountRules = replace(connection.rules, **changes)  # type: ignore[arg-type] # by the options' types
    return await run_rebuild(servers, connection.workspace, {connection.id: rules}, is_dry_run=is_dry_run)
