"""`variance connections`: who may post."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from schemas.connection import secret_sha256
from worker.cli.change_connection import change
from worker.cli.connecting import open_database
from worker.cli.kept_secrets import KeptSecrets
from worker.cli.named_connection import find_connection
from worker.cli.options import (
    check_name,
    data_option,
    exclude_domain_option,
    include_domain_option,
    json_option,
    read_duration,
    workspace_option,
)
from worker.cli.output import print_fields, print_json, print_table, tell
from worker.cli.publishing import publish
from worker.cli.servers import Servers, find_servers
from worker.embedded.data_dir import DataDirectoryError
from worker.fold.account_rules import SOURCES, AccountRules, Source
from worker.names import DEFAULT_WORKSPACE
from worker.new_connection import make_connection, new_secret
from worker.store.connections import Connection, enable_connection, find_connections, rotate_secret

_LIST_COLUMNS = ("workspace", "name", "id", "accounts", "enabled", "webhook_url")


@click.group()
def connections() -> None:
    """Make and change connections: who may post, and into which workspace."""


connections.add_command(change)


@connections.command()
@click.argument("name", callback=check_name)
@click.option(
    "--accounts",
    type=click.Choice(SOURCES),
    default="group",
    show_default=True,
    help="How a contact's account is found: by Group calls, by traits, or by the e-mail's domain.",
)
@click.option("--account-id-trait", metavar="PATH", default="company.id", show_default=True, callback=check_name)
@click.option("--account-name-trait", metavar="PATH", default="company.name", show_default=True, callback=check_name)
@click.option("--workspace", metavar="W", default=DEFAULT_WORKSPACE, show_default=True, callback=check_name)
@click.option("--no-email-fallback", is_flag=True, help="Never take the e-mail's domain where the method has nothing.")
@click.option("--mail-provider-accounts", is_flag=True, help="Make accounts of gmail.com and its like, too.")
@exclude_domain_option
@include_domain_option
@data_option
@json_option
def add(  # noqa: PLR0913 (the command's options)
    *,
    name: str,
    accounts: Source,
    account_id_trait: str,
    account_name_trait: str,
    workspace: str,
    directory: Path,
    no_email_fallback: bool,
    mail_provider_accounts: bool,
    excluded_domains: frozenset[str],
    included_domains: frozenset[str],
    as_json: bool,
) -> None:
    """Make a connection, and print its secret: it is shown this once."""
    rules = AccountRules(
        accounts,
        account_id_trait,
        account_name_trait,
        email_fallback=not no_email_fallback,
        mail_provider_accounts=mail_provider_accounts,
        excluded_domains=excluded_domains,
        included_domains=included_domains,
    )
    _print(asyncio.run(_add(find_servers(directory), name, workspace, rules)), as_json=as_json)


@connections.command("list")
@workspace_option
@data_option
@json_option
def list_(workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Show all connections."""
    found = asyncio.run(_list(find_servers(directory), workspace))
    if as_json:
        print_json(found)
    else:
        print_table(_LIST_COLUMNS, [[connection[name] for name in _LIST_COLUMNS] for connection in found])


@connections.command("rotate-secret")
@click.argument("name")
@click.option(
    "--overlap",
    metavar="DURATION",
    default="24h",
    show_default=True,
    callback=read_duration,
    help="How long the old secret stays good: 30m, 24h, 7d, or 0.",
)
@workspace_option
@data_option
@json_option
def rotate(name: str, overlap: timedelta, workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Give a connection a new secret, and print it: it is shown this once.

    The old one stays good for the overlap; one that was rotated away before ends now.
    """
    _print(asyncio.run(_rotate(find_servers(directory), name, workspace, overlap)), as_json=as_json)


@connections.command()
@click.argument("name")
@workspace_option
@data_option
@json_option
def disable(name: str, workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Refuse what is posted to a connection from now on."""
    _print(asyncio.run(_enable(find_servers(directory), name, workspace, is_enabled=False)), as_json=as_json)


@connections.command()
@click.argument("name")
@workspace_option
@data_option
@json_option
def enable(name: str, workspace: str | None, directory: Path, *, as_json: bool) -> None:
    """Accept what is posted to a connection again."""
    _print(asyncio.run(_enable(find_servers(directory), name, workspace, is_enabled=True)), as_json=as_json)


async def _add(servers: Servers, name: str, workspace: str, rules: AccountRules) -> Mapping[str, Any]:
    async with open_database(servers) as database:
        id_, secret = await make_connection(database, name, workspace, rules)
        await publish(servers, database)
    return {
        "id": id_,
        "name": name,
        "workspace": workspace,
        "accounts": rules.method,
        "webhook_url": servers.webhook_url(id_),
        "secret": secret,
    }


async def _list(servers: Servers, workspace: str | None) -> list[Mapping[str, Any]]:
    async with open_database(servers) as database:
        found = await find_connections(database, workspace=workspace)
    return [_described(servers, connection) for connection in found]


async def _rotate(servers: Servers, name: str, workspace: str | None, overlap: timedelta) -> Mapping[str, Any]:
    secret = new_secret()
    async with open_database(servers) as database:
        connection = await find_connection(database, name, workspace)
        old_expires_at = datetime.now(UTC) + overlap if overlap else None
        await rotate_secret(database, connection.id, secret_sha256(secret), old_expires_at)
        await publish(servers, database)
    try:
        KeptSecrets(servers.directory).replace(connection.id, secret)
    except DataDirectoryError as failure:
        tell(str(failure))  # and go on: the secret is told only here
    return {
        "id": connection.id,
        "name": connection.name,
        "workspace": connection.workspace,
        "webhook_url": servers.webhook_url(connection.id),
        "secret": secret,
        "old_secret_expires_at": old_expires_at or datetime.now(UTC),
    }


async def _enable(servers: Servers, name: str, workspace: str | None, *, is_enabled: bool) -> Mapping[str, Any]:
    async with open_database(servers) as database:
        connection = await find_connection(database, name, workspace)
        await enable_connection(database, connection.id, is_enabled=is_enabled)
        await publish(servers, database)
    return {
        "id": connection.id,
        "name": connection.name,
        "workspace": connection.workspace,
        "enabled": is_enabled,
    }


def _described(servers: Servers, connection: Connection) -> Mapping[str, Any]:
    rules = connection.rules
    return {
        "id": connection.id,
        "name": connection.name,
        "workspace": connection.workspace,
        "accounts": rules.method,
        "account_id_trait": rules.id_trait,
        "account_name_trait": rules.name_trait,
        "email_fallback": rules.email_fallback,
        "mail_provider_accounts": rules.mail_provider_accounts,
        "excluded_domains": sorted(rules.excluded_domains),
        "included_domains": sorted(rules.included_domains),
        "enabled": connection.is_enabled,
        "webhook_url": servers.webhook_url(connection.id),
        "old_secret_expires_at": connection.previous_secret_expires_at,
        "created_at": connection.created_at,
    }


def _print(result: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        print_fields(result.items())
