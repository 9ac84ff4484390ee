"""`variance dead`: the messages that could not be applied."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from worker.cli.connecting import open_database
from worker.cli.dead_letter_options import LETTER_ID, filter_options, wanted_letters
from worker.cli.dead_replay import no_letter, refuse_unheard_of, replay
from worker.cli.failures import CommandError
from worker.cli.options import data_option, json_option
from worker.cli.output import cell_text, print_json, print_table, tell
from worker.cli.servers import Servers, find_servers
from worker.refused_field import refused_field
from worker.store.dead_letters import Wanted, discard_dead_letter, list_dead_letters, read_dead_letter

_LIST_COLUMNS = ("id", "died_at", "workspace", "connection", "message_id", "reason", "field", "detail")


@click.group()
def dead() -> None:
    """Look at dead letters, try them again, or throw them away."""


dead.add_command(replay)


@dead.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@click.option("--bodies", "with_bodies", is_flag=True, help="With --json: their bodies, too.")
@data_option
@json_option
def list_(limit: int, directory: Path, *, with_bodies: bool, as_json: bool, **chosen: Any) -> None:
    """Show dead letters, the newest first."""
    if with_bodies and not as_json:
        raise click.UsageError("--bodies needs --json")
    letters = asyncio.run(_list(find_servers(directory), wanted_letters(**chosen), limit, with_bodies=with_bodies))
    if as_json:
        print_json(letters)
    else:
        print_table(_LIST_COLUMNS, [[letter[name] for name in _LIST_COLUMNS] for letter in letters])
    if len(letters) == limit:
        tell(f"these are the newest {limit}: --limit shows more")


@dead.command()
@click.argument("letter_id", metavar="ID", type=LETTER_ID)
@data_option
@json_option
def show(letter_id: int, directory: Path, *, as_json: bool) -> None:
    """Print a dead letter's body, to be read or corrected; the rest goes to standard error."""
    letter = asyncio.run(_show(find_servers(directory), letter_id))
    if letter is None:
        raise CommandError(no_letter(letter_id))
    if as_json:
        print_json(letter)
        return
    body = letter.pop("body")
    for name, value in letter.items():
        click.echo(f"{name:<11}  {cell_text(value)}", err=True)
    click.echo(body)


@dead.command()
@click.argument("letter_id", metavar="ID", type=LETTER_ID)
@data_option
@json_option
def discard(letter_id: int, directory: Path, *, as_json: bool) -> None:
    """Throw a dead letter away for good. It stays counted as dead, and its receipt says what became of it.

    One that is gone already is passed over, so that twice is as good as once.
    """
    is_discarded = asyncio.run(_discard(find_servers(directory), letter_id))
    if as_json:
        print_json({"id": letter_id, "outcome": "discarded" if is_discarded else "gone"})
    elif is_discarded:
        click.echo(f"dead letter {letter_id} is discarded")
    if not is_discarded:
        tell(no_letter(letter_id))


async def _list(
    servers: Servers, wanted: Wanted, limit: int, *, with_bodies: bool
) -> Sequence[dict[str, Any]]:
    async with open_database(servers) as database:
        letters = await list_dead_letters(database, wanted, limit, with_bodies=with_bodies)
    left_out = () if with_bodies else ("body",)
    return [_with_field({name: letter[name] for name in letter if name not in left_out}) for letter in letters]


async def _show(servers: Servers, letter_id: int) -> dict[str, Any] | None:
    async with open_database(servers) as database:
        letter = await read_dead_letter(database, letter_id)
    return None if letter is None else _with_field(letter)


def _with_field(letter: dict[str, Any]) -> dict[str, Any]:
    return letter | {"field": refused_field(letter["detail"])}


async def _discard(servers: Servers, letter_id: int) -> bool:
    async with open_database(servers) as database, database.transaction():
        await refuse_unheard_of(database, [letter_id])
        return await discard_dead_letter(database, letter_id, datetime.now(UTC)) is not None
