"""`variance dead`: the messages that could not be applied."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from schemas.reasons import Reason
from worker.cli.connecting import open_database
from worker.cli.failures import CommandError
from worker.cli.options import connection_option, data_option, json_option
from worker.cli.output import cell_text, print_json, print_table, tell
from worker.cli.progress import show_progress
from worker.cli.servers import Servers, find_servers
from worker.replay import Replayed, replay_letter
from worker.store.dead_letters import delete_dead_letter, list_dead_letters, read_dead_letter
from worker.store.transactions import Transactions

_LIST_COLUMNS = ("id", "died_at", "workspace", "connection", "message_id", "reason", "detail")
_OUTCOMES = ("applied", "duplicate", "suppressed", "dead", "gone")
_ID = click.IntRange(min=1, max=2**63 - 1)
_Ids = tuple[int, ...]


@click.group()
def dead() -> None:
    """Look at dead letters, try them again, or throw them away."""


@dead.command("list")
@click.option("--reason", type=click.Choice(get_args(Reason)), help="Only those that died of this.")
@connection_option
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@data_option
@json_option
def list_(reason: str | None, connection: str | None, limit: int, directory: Path, *, as_json: bool) -> None:
    """Show dead letters, the newest first."""
    letters = asyncio.run(_list(find_servers(directory), reason, connection, limit))
    if as_json:
        print_json(letters)
    else:
        print_table(_LIST_COLUMNS, [[letter[name] for name in _LIST_COLUMNS] for letter in letters])
    if len(letters) == limit:
        tell(f"these are the newest {limit}: --limit shows more")


@dead.command()
@click.argument("letter_id", metavar="ID", type=_ID)
@data_option
@json_option
def show(letter_id: int, directory: Path, *, as_json: bool) -> None:
    """Print a dead letter's body, to be read or corrected; the rest goes to standard error."""
    letter = asyncio.run(_show(find_servers(directory), letter_id))
    if letter is None:
        raise CommandError(_no_letter(letter_id))
    if as_json:
        print_json(letter)
        return
    body = letter.pop("body")
    for name, value in letter.items():
        click.echo(f"{name:<11}  {cell_text(value)}", err=True)
    click.echo(body)


@dead.command()
@click.argument("ids", metavar="[ID]...", type=_ID, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@click.option("--body", metavar="FILE", type=click.File("rb"), help="A corrected body for one letter; - reads it.")
@data_option
@json_option
def replay(ids: _Ids, body: Any, directory: Path, *, is_all: bool, as_json: bool) -> None:
    """Apply dead letters after all, each exactly once.

    One that dies again is a new letter, and makes the exit code 1. One that is gone already is passed over.
    """
    if bool(ids) == is_all:
        raise click.UsageError("give the IDs, or --all")
    if body is not None and len(ids) != 1:
        raise click.UsageError("--body corrects one letter: give its ID alone")
    corrected_body = None if body is None else body.read()
    replayed = asyncio.run(_replay(find_servers(directory), None if is_all else ids, corrected_body))
    counts = {outcome: sum(letter.outcome == outcome for letter in replayed) for outcome in _OUTCOMES}
    if as_json:
        print_json({**counts, "letters": [asdict(letter) for letter in replayed]})
    else:
        _print_replayed(replayed, counts)
    if counts["dead"]:
        tell("some died again: `variance dead show ID` has the reason")
        raise click.exceptions.Exit(1)


@dead.command()
@click.argument("letter_id", metavar="ID", type=_ID)
@data_option
@json_option
def discard(letter_id: int, directory: Path, *, as_json: bool) -> None:
    """Throw a dead letter away for good. It stays counted as dead."""
    is_discarded = asyncio.run(_discard(find_servers(directory), letter_id))
    if as_json:
        print_json({"id": letter_id, "outcome": "discarded" if is_discarded else "gone"})
    elif is_discarded:
        click.echo(f"dead letter {letter_id} is discarded")
    if not is_discarded:
        tell(_no_letter(letter_id))


async def _list(
    servers: Servers, reason: str | None, connection: str | None, limit: int | None
) -> Sequence[dict[str, Any]]:
    async with open_database(servers) as database:
        return await list_dead_letters(database, reason, connection, limit)


async def _show(servers: Servers, letter_id: int) -> dict[str, Any] | None:
    async with open_database(servers) as database:
        return await read_dead_letter(database, letter_id)


async def _discard(servers: Servers, letter_id: int) -> bool:
    async with open_database(servers) as database:
        return await delete_dead_letter(database, letter_id) is not None


async def _replay(servers: Servers, ids: _Ids | None, corrected_body: bytes | None) -> list[Replayed]:
    """Try letters again, the oldest first, each in a transaction of its own."""
    wanted = ids or [letter["id"] for letter in reversed(await _list(servers, None, None, None))]
    transactions = Transactions(servers.require_database())
    replayed: list[Replayed] = []
    async with open_database(servers):  # is it there at all? Transactions would wait for it
        pass
    try:
        with show_progress("Replaying", len(wanted)) as progress:
            for letter_id in wanted:
                replay_one = partial(replay_letter, letter_id=letter_id, corrected_body=corrected_body)
                replayed.append(await transactions.run(replay_one))
                progress.show(len(replayed), f"{len(replayed):,} of {len(wanted):,} letters")
    finally:
        await transactions.close()
    return replayed


def _print_replayed(replayed: Sequence[Replayed], counts: dict[str, int]) -> None:
    print_table(_OUTCOMES, [list(counts.values())], title="Dead letters")
    for letter in replayed:
        if letter.outcome == "gone":
            tell(_no_letter(letter.id))
        elif letter.new_id is not None:
            tell(f"dead letter {letter.id} died again, as {letter.new_id}")


def _no_letter(letter_id: int) -> str:
    return f"there is no dead letter {letter_id}: `variance dead list` shows those that there are"
