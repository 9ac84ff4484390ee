"""`variance console-user`: who may sign in to the console."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from worker.cli.connecting import open_database
from worker.cli.failures import CommandError
from worker.cli.options import check_name, data_option, json_option
from worker.cli.output import print_fields, print_json, print_table
from worker.cli.servers import Servers, find_servers
from worker.console.passwords import hash_password, password_fault
from worker.console.sign_in_links import OPERATOR, make_sign_in_link
from worker.store.console_users import delete_sessions, delete_user, list_users, upsert_user

_COLUMNS = ("name", "has_password", "created_at")


@click.group("console-user")
def console_user() -> None:
    """Say who may sign in to the console."""


@console_user.command()
@click.argument("name", callback=check_name)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, its first line.")
@data_option
@json_option
def add(name: str, directory: Path, *, password_stdin: bool, as_json: bool) -> None:
    """Let somebody sign in with a password, or give them another one, which ends their sessions."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if fault := password_fault(password):
        raise CommandError(fault)
    asyncio.run(_add(find_servers(directory), name, hash_password(password)))
    _print({"name": name, "has_password": True}, as_json=as_json)


@console_user.command("list")
@data_option
@json_option
def list_(directory: Path, *, as_json: bool) -> None:
    """Show who may sign in."""
    users = asyncio.run(_list(find_servers(directory)))
    if as_json:
        print_json(users)
    else:
        print_table(_COLUMNS, [[user[column] for column in _COLUMNS] for user in users])


@console_user.command()
@click.argument("name")
@data_option
@json_option
def remove(name: str, directory: Path, *, as_json: bool) -> None:
    """Let somebody sign in no more, and end their sessions."""
    asyncio.run(_remove(find_servers(directory), name))
    _print({"name": name, "removed": True}, as_json=as_json)


@console_user.command()
@click.argument("name", default=OPERATOR, callback=check_name)
@data_option
@json_option
def link(name: str, directory: Path, *, as_json: bool) -> None:
    """Print a link that signs somebody in once, within the hour."""
    url = asyncio.run(_link(find_servers(directory), name))
    if as_json:
        print_json({"name": name, "sign_in_url": url})
    else:
        click.echo(url)


async def _add(servers: Servers, name: str, password_hash: str) -> None:
    async with open_database(servers) as database, database.transaction():
        await delete_sessions(database, await upsert_user(database, name, password_hash, datetime.now(UTC)))


async def _list(servers: Servers) -> Sequence[dict[str, Any]]:
    async with open_database(servers) as database:
        return [dict(user) for user in await list_users(database)]


async def _remove(servers: Servers, name: str) -> None:
    async with open_database(servers) as database:
        if not await delete_user(database, name):
            raise CommandError(f"nobody named {name!r} may sign in: `variance console-user list` shows who may")


async def _link(servers: Servers, name: str) -> str:
    async with open_database(servers) as database:
        return await make_sign_in_link(database, servers.console_url, name)


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        print_fields(result.items())
