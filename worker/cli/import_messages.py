"""`variance import`: messages from a file."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

import click
import uvloop

from schemas.garbage import look_seldom_for_cycles
from worker.cli.connecting import open_database
from worker.cli.failures import CommandError, explain
from worker.cli.options import data_option, json_option, workspace_option
from worker.cli.output import print_json, print_table, tell
from worker.cli.progress import show_progress
from worker.cli.servers import Servers, find_servers
from worker.importing.importer import Importer
from worker.importing.judged_lines import JudgedLine, UnaddressedLineError, judge_line
from worker.importing.lines import Line, UnreadableFileError, read_lines
from worker.store.connections import find_connections
from worker.tally import Tally

_STANDARD_INPUT = "-"
_OBJECTS_BETWEEN_LOOKS = 100_000  # a chunk of the file has fewer
_AGAIN = "run it again on the whole file: what was imported already is recognised"


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--connection", metavar="NAME", help="Whose messages they are; needed where there are several.")
@workspace_option
@data_option
@json_option
def import_messages(
    file: str, connection: str | None, workspace: str | None, directory: Path, *, as_json: bool
) -> None:
    """Apply Segment messages from NDJSON, plain or gzip; - is standard input.

    Each line is one message. It goes straight to Postgres, and safely twice: a message is applied once, and a line
    without a messageId gets one that follows from its number and its text. A line that is no message becomes a
    dead letter. A line of `variance export` is its own connection's, unless --connection says whose all of them are.
    """
    servers = find_servers(directory)
    look_seldom_for_cycles(_OBJECTS_BETWEEN_LOOKS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, _opened(file) as source:
        addressees = runner.run(_find_addressees(servers, connection, workspace))
        total_bytes = Path(file).stat().st_size if file != _STANDARD_INPUT and Path(file).is_file() else None
        with show_progress("Importing", total_bytes) as meter:

            def show(tally: Tally) -> None:
                meter.show(source.tell() if total_bytes else 0, f"{tally.total:,} messages")

            tally = _import(runner, servers.require_database(), source, addressees, show)
    result = {
        "read": tally.total,
        "applied": tally.applied,
        "duplicate": tally.duplicate,
        "suppressed": tally.suppressed,
        "dead": tally.dead,
    }
    if as_json:
        print_json(result)
    else:
        print_table(tuple(result), [tuple(result.values())], title="Imported, in messages")
        if tally.dead:
            tell("`variance dead list` shows the lines that were refused")
        if tally.suppressed:
            tell("what was suppressed is of deleted people, or older than what `variance retention show` says is kept")


def _import(
    runner: asyncio.Runner,
    database_url: str,
    source: BinaryIO,
    addressees: "_Addressees",
    show: Callable[[Tally], None],
) -> Tally:
    """Import everything. Raises CommandError where the file ends too early, or a line is of no connection."""

    def judge(line: Line) -> JudgedLine:
        return judge_line(line, addressees.default_id, datetime.now(UTC), addressees.named)

    importer = Importer(database_url, judge, show)
    try:
        runner.run(importer.run(read_lines(source)))
    except KeyboardInterrupt:
        tell(f"stopped after line {importer.last_line} ({importer.tally.total} messages): {_AGAIN}")
        raise
    except UnaddressedLineError as error:
        if error.connection is None:
            message = f"{error}: there are several connections, so give --connection: {addressees.known}"
            raise click.UsageError(message) from error
        message = f"{error}: make it first, or give --connection or --workspace; there are: {addressees.known}"
        raise CommandError(message) from error
    except UnreadableFileError as error:
        message = f"{error}; the {importer.tally.total} messages before that are imported"
        raise CommandError(message) from error
    except Exception as failure:
        reason = explain(failure)
        if reason is None:
            raise
        stopped = f"stopped after line {importer.last_line} ({importer.tally.total} messages)"
        message = f"{stopped}, {reason}: {_AGAIN}"
        raise CommandError(message) from failure
    return importer.tally


@dataclass(frozen=True, slots=True)
class _Addressees:
    """Whose the lines are: of `default_id` those that name no connection, and by `named` those that do.

    `known` lists the connections, to be told.
    """

    default_id: str | None
    named: Mapping[str, str] | None
    known: str


async def _find_addressees(servers: Servers, name: str | None, workspace: str | None) -> _Addressees:
    """Find whose the lines can be. Wrong usage where that is not said clearly."""
    async with open_database(servers) as database:
        found = await find_connections(database, name, workspace)
        known = found or await find_connections(database)
    names = ", ".join(sorted(f"{other.name} (workspace {other.workspace})" for other in known))
    if not known:
        raise CommandError("there is no connection yet: `variance connections add NAME` makes one")
    if name is not None and len(found) > 1:
        raise click.UsageError(f"there are several connections, so give --workspace: {names}")
    if found:
        times = Counter(connection.name for connection in found)
        named = {connection.name: connection.id for connection in found if times[connection.name] == 1}
        return _Addressees(found[0].id if len(found) == 1 else None, named if name is None else None, names)
    if name is None:
        raise click.UsageError(f"there is no connection in workspace {workspace!r}, but there are: {names}")
    raise CommandError(f"there is no connection {name!r}; there are: {names}")


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    # Unbuffered, since a thread may still wait for standard input when everything else has ended, and Python would
    # not end while one has the lock of sys.stdin's buffer.
    if file == _STANDARD_INPUT:
        yield cast("BinaryIO", open(sys.stdin.fileno(), "rb", buffering=0, closefd=False))  # noqa: SIM115 (no path)
        return
    with Path(file).open("rb") as source:
        yield source
