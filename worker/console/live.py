"""Live: messages as they arrive, sent to the page as events. A burst is sampled, so that no page drowns in it."""

import asyncio
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp_jinja2
from aiohttp import web
from asyncpg import Record

from schemas.ids import index_key
from schemas.message import TYPES
from worker.console.parts import POOL, SESSION_TOKEN, draw, now, open_database, query_text
from worker.console.tokens import token_sha256
from worker.fold.ids import identity_id
from worker.store.connections import find_connections, read_workspace_ids
from worker.store.console_users import find_session
from worker.store.database import Database, Row
from worker.store.tail import (
    TailFilter,
    read_last_dead_letter,
    read_refused,
    read_sent,
    read_tail,
    read_tail_position,
)

_FIRST_ROWS = 50
_ROWS_A_TURN = 20
_TURN_SECONDS = 0.5
_KEEP_ALIVE_SECONDS = 15.0
_SESSION_SECONDS = 30.0
_WINDOWS = (1_000, 10_000, 50_000)
"""Positions that are searched for the first rows, one after the other, until there are enough."""

_LATE_SECONDS = 5.0
_MOST_LATE_NUMBERS = 5_000
_MOST_NUMBERS_A_TURN = 20_000
REFUSED = "refused"
_SINCE = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)


async def show_live(request: web.Request) -> web.StreamResponse:
    """Show the newest messages, and the filters."""
    async with open_database(request) as database:
        connections = await find_connections(database)
        wanted = await _wanted(request, database)
        since = f"{await read_tail_position(database)}-{await read_last_dead_letter(database)}"
        rows = await _first_rows(request, database, wanted)
    return draw(
        "live.html", request,
        rows=rows, since=since, connections=connections, types=sorted(TYPES), searched=_WINDOWS[-1],
        query=request.query, query_string=request.query_string,
        is_everything=not any(request.query.get(name) for name in ("connection", "type", "id")),
    )  # fmt: skip


async def stream(request: web.Request) -> web.StreamResponse:
    """Send rows as they arrive, newest first, until the page goes away or the session ends."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    async with open_database(request) as database:
        wanted = await _wanted(request, database)
        since = request.headers.get("Last-Event-ID") or request.query.get("since", "")
        tail = await _begin(database, wanted, request.query.get("type", ""), since)
    await response.prepare(request)
    await response.write(b"retry: 2000\n\n")
    said_at = checked_at = time.monotonic()
    transport = request.transport
    while transport is not None and not transport.is_closing():
        await asyncio.sleep(_TURN_SECONDS)
        async with request.app[POOL].acquire() as database:
            if time.monotonic() - checked_at > _SESSION_SECONDS:
                checked_at = time.monotonic()
                if await find_session(database, token_sha256(request[SESSION_TOKEN]), now()) is None:
                    break
            turn = await tail.turn(database)
        if turn.rows or turn.arrived:
            html = aiohttp_jinja2.render_string("part_live_rows.html", request, {"rows": turn.rows, "is_fresh": True})
            await response.write(_event("rows", html, tail.since) + _event("rate", str(turn.arrived), tail.since))
            said_at = time.monotonic()
        elif time.monotonic() - said_at > _KEEP_ALIVE_SECONDS:
            await response.write(b": still here\n\n")
            said_at = time.monotonic()
    return response


@dataclass(slots=True)
class _Turn:
    """Rows to be shown, the newest first, and how many positions the log went on."""

    rows: list[Row]
    arrived: int


@dataclass(slots=True)
class _Reading:
    """How far the rows of a growing table are read, by numbers that a sequence gives.

    A row may be committed after another with a later number: the last few seconds' numbers are looked at again, and
    what was shown is remembered for as long.
    """

    number: int
    earlier: deque[tuple[float, int]] = field(default_factory=deque)
    shown: deque[int] = field(default_factory=lambda: deque(maxlen=4_000))

    def __post_init__(self) -> None:
        """Begin at the number: what came before it is on the page already."""
        self.earlier.append((time.monotonic(), self.number))

    def go_on(self, number: int) -> int:
        """Read on up to a number; give behind which one to look, the same one where nothing can be new."""
        now = time.monotonic()
        while len(self.earlier) > 1 and self.earlier[1][0] < now - _LATE_SECONDS:
            self.earlier.popleft()
        behind = max(self.earlier[0][1], self.number - _MOST_LATE_NUMBERS, number - _MOST_NUMBERS_A_TURN)
        self.earlier.append((now, number))
        self.number = number
        return behind

    def fresh(self, rows: Sequence[Record], column: str) -> list[Record]:
        """Give the rows that were not shown, by the column that has their numbers."""
        known = set(self.shown)
        fresh = [row for row in rows if row[column] not in known]
        self.shown.extend(row[column] for row in reversed(fresh))
        return fresh[:_ROWS_A_TURN]


@dataclass(slots=True)
class _Tail:
    """Follows the log and the dead letters."""

    wanted: TailFilter
    type: str
    log: _Reading
    letters: _Reading

    @property
    def since(self) -> str:
        """How far it has come: the log's position, and the number of the last dead letter."""
        return f"{self.log.number}-{self.letters.number}"

    async def turn(self, database: Database) -> _Turn:
        """Read what is new."""
        rows: list[Row] = []
        if self.type in ("", REFUSED):
            rows += await self._refused(database)
        position = await read_tail_position(database)
        arrived = position - self.log.number
        behind = self.log.go_on(position)
        if self.type != REFUSED and behind < position:
            found = await read_tail(database, behind, position, self.wanted, _ROWS_A_TURN * 10)
            rows += self.log.fresh(found, "position")
        return _Turn(rows[:_ROWS_A_TURN], arrived)

    async def _refused(self, database: Database) -> list[Record]:
        # The last one may have been replayed or discarded, and is not to be shown again for that.
        number = max(self.letters.number, await read_last_dead_letter(database))
        behind = self.letters.go_on(number)
        if behind == number:
            return []
        return self.letters.fresh(await read_refused(database, behind, self.wanted, _ROWS_A_TURN * 10), "id")


async def _begin(database: Database, wanted: TailFilter, type_: str, since: str) -> _Tail:
    """Begin where the page has come to, or at the ends of now."""
    position, letter = await read_tail_position(database), await read_last_dead_letter(database)
    if match := _SINCE.fullmatch(since):
        position, letter = min(position, int(match[1])), min(letter, int(match[2]))
    return _Tail(wanted, type_, _Reading(position), _Reading(letter))


async def _wanted(request: web.Request, database: Database) -> TailFilter:
    """Read the filters of a page."""
    connection, type_ = query_text(request, "connection"), query_text(request, "type")
    id_ = query_text(request, "id").strip()
    senders = None
    if id_:
        senders = [identity_id(workspace, id_) for workspace in await read_workspace_ids(database, None)]
    return TailFilter(
        [connection] if connection else None,
        [type_] if type_ in TYPES else None,
        senders,
        index_key(id_) if id_ else None,
    )


async def _first_rows(request: web.Request, database: Database, wanted: TailFilter) -> Sequence[Row]:
    """Read the newest messages; by an id however old they are, otherwise among the last of the log."""
    letters: list[Record] = []
    if request.query.get("type", "") in ("", REFUSED):
        letters = await read_refused(database, 0, wanted, _FIRST_ROWS)
    if request.query.get("type") == REFUSED:
        return letters
    rows: list[Record] = []
    if wanted.senders is not None:
        rows = await read_sent(database, await read_workspace_ids(database, None), wanted, _FIRST_ROWS)
    else:
        position = await read_tail_position(database)
        for window in _WINDOWS:
            rows = await read_tail(database, position - window, position, wanted, _FIRST_ROWS)
            if len(rows) == _FIRST_ROWS or window >= position:
                break
    oldest_at = rows[-1]["received_at"] if rows else None
    refused = [letter for letter in letters if oldest_at is None or letter["received_at"] >= oldest_at]
    if not refused:
        return rows
    return sorted([*rows, *refused], key=lambda row: row["received_at"], reverse=True)[:_FIRST_ROWS]


def _event(name: str, data: str, id_: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    return f"id: {id_}\nevent: {name}\n{lines}\n".encode()
