"""`variance dead replay`: dead letters applied after all, as they are or corrected."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from worker.cli.connecting import open_database
from worker.cli.dead_letter_options import LETTER_ID, filter_options, wanted_letters
from worker.cli.failures import CommandError
from worker.cli.options import data_option, json_option
from worker.cli.output import print_json, print_table, tell
from worker.cli.progress import show_progress
from worker.cli.servers import Servers, find_servers
from worker.replay import Replayed, replay_letter
from worker.store.database import Database
from worker.store.dead_letters import Wanted, list_dead_letters, read_last_given_id
from worker.store.transactions import Transactions

_OUTCOMES = ("applied", "duplicate", "suppressed", "dead", "gone")
_Bodies = Mapping[int, bytes | None]
"""The letters to be tried again, in order, and what their bodies are now; None: as they are."""


class _Correction(msgspec.Struct):
    id: int
    body: msgspec.Raw


@click.command()
@click.argument("ids", metavar="[ID]...", type=LETTER_ID, nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="All that there are, or those that the filters choose.")
@filter_options
@click.option("--body", metavar="FILE", type=click.File("rb"), help="A corrected body for one letter; - reads it.")
@click.option("--corrections", metavar="FILE", type=click.File("rb"),
              help="Letters with corrected bodies, as `dead list --bodies --json` gives; - reads it.")  # fmt: skip
@data_option
@json_option
def replay(  # noqa: PLR0913 (one for each option)
    ids: tuple[int, ...],
    body: BinaryIO | None,
    corrections: BinaryIO | None,
    directory: Path,
    *,
    is_all: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Apply dead letters after all, each exactly once.

    One that dies again is a new letter, and makes the exit code 1. One that is gone already is passed over; where one
    never was, none is applied.
    """
    if [bool(ids), is_all, corrections is not None].count(True) != 1:
        raise click.UsageError("give the IDs, --all, or --corrections")
    if body is not None and len(ids) != 1:
        raise click.UsageError("--body corrects one letter: give its ID alone")
    wanted = wanted_letters(**chosen)
    if wanted != Wanted() and not is_all:
        raise click.UsageError("--reason, --connection, --message-id, --since and --until choose among --all")
    bodies: _Bodies | None = None
    if corrections is not None:
        bodies = read_corrections(corrections.read())
    elif ids:
        bodies = dict.fromkeys(ids, None if body is None else body.read())
    replayed = asyncio.run(_replay(find_servers(directory), wanted, bodies))
    counts = {outcome: sum(letter.outcome == outcome for letter in replayed) for outcome in _OUTCOMES}
    if as_json:
        print_json({**counts, "letters": [asdict(letter) for letter in replayed]})
    else:
        _print_replayed(replayed, counts)
    if counts["dead"]:
        tell("some died again: `variance dead show ID` has the reason")
        raise click.exceptions.Exit(1)


def read_corrections(text: bytes) -> dict[int, bytes]:
    """Read letters' corrected bodies, which may be JSON or JSON in a text. Raises CommandError, never with a body."""
    try:
        corrections = msgspec.json.decode(text, type=list[_Correction])
        return {correction.id: _plain(correction.body) for correction in corrections}
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise CommandError(f"the corrections are no JSON array of id and body: {failure}") from None


def _plain(body: msgspec.Raw) -> bytes:
    """Give the body's JSON as it was written; a number beyond 64 bits stays as it is."""
    text = bytes(body)
    return msgspec.json.decode(text, type=str).encode() if text.startswith(b'"') else text


async def _replay(servers: Servers, wanted: Wanted, bodies: _Bodies | None) -> list[Replayed]:
    """Try letters again, the oldest first, each in a transaction of its own."""
    async with open_database(servers) as database:  # is it there at all? Transactions would wait for it
        if bodies is None:
            letters = await list_dead_letters(database, wanted, None)
            bodies = {letter["id"]: None for letter in reversed(letters)}
        await refuse_unheard_of(database, bodies)
    transactions = Transactions(servers.require_database())
    replayed: list[Replayed] = []
    try:
        with show_progress("Replaying", len(bodies)) as progress:
            for letter_id, body in bodies.items():
                replay_one = partial(replay_letter, letter_id=letter_id, corrected_body=body)
                replayed.append(await transactions.run(replay_one))
                progress.show(len(replayed), f"{len(replayed):,} of {len(bodies):,} letters")
    finally:
        await transactions.close()
    return replayed


def _print_replayed(replayed: Sequence[Replayed], counts: dict[str, int]) -> None:
    print_table(_OUTCOMES, [list(counts.values())], title="Dead letters")
    for letter in replayed:
        if letter.outcome == "gone":
            tell(no_letter(letter.id))
        elif letter.new_id is not None:
            tell(f"dead letter {letter.id} died again, as {letter.new_id}")


async def refuse_unheard_of(database: Database, letter_ids: Iterable[int]) -> None:
    """Raise CommandError for a dead letter that never was: whoever names it means another."""
    last_id = await read_last_given_id(database)
    for letter_id in letter_ids:
        if letter_id > last_id:
            raise CommandError(no_letter(letter_id))


def no_letter(letter_id: int) -> str:
    """Say that a dead letter is not there."""
    return f"there is no dead letter {letter_id}: `variance dead list` shows those that there are"
