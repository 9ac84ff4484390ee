"""Applying a file's lines, several transactions at a time."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from worker.importing.apply import apply_import
from worker.importing.chunks import Chunk, Gathering
from worker.importing.judged_lines import JudgedLine, UnaddressedLineError
from worker.importing.line_feed import LineFeed
from worker.importing.lines import Line, UnreadableFileError
from worker.store.transactions import Transactions
from worker.tally import Tally

_TRANSACTIONS_AT_ONCE = 4
_LINES_AT_ONCE = 50
"""Lines that are judged before Postgres' answers are looked at: a millisecond."""

_PATIENCE_SECONDS = 0.2
"""How long messages wait for others of their chunk where no further line comes."""


class Importer:
    """Judges lines and applies them. `tally` tells how many were applied."""

    def __init__(self, database_url: str, judge: Callable[[Line], JudgedLine], show: Callable[[Tally], None]) -> None:
        self.tally = Tally()
        self._judge = judge
        self._show = show
        self._gathering = Gathering()
        self._last_read = 0
        self._connections = [Transactions(database_url) for _ in range(_TRANSACTIONS_AT_ONCE)]
        self._idle: asyncio.Queue[Transactions] = asyncio.Queue()
        self._under_way: dict[asyncio.Task[None], Chunk] = {}

    @property
    def last_line(self) -> int:
        """The number of the last line before which, itself included, everything is applied."""
        first_lines = [chunk.first_line for chunk in self._under_way.values()]
        gathered = self._gathering.first_line()
        if gathered is not None:
            first_lines.append(gathered)
        return min(first_lines) - 1 if first_lines else self._last_read

    async def run(self, lines: Iterable[Line]) -> None:
        """Apply all lines. What was read before a failure of the file is applied.

        Raises UnreadableFileError, UnaddressedLineError, and whatever makes a transaction fail for good.
        """
        for connection in self._connections:
            self._idle.put_nowait(connection)
        try:
            try:
                await self._read(LineFeed(lines))
            except (UnreadableFileError, UnaddressedLineError):
                await self._finish()
                raise
            await self._finish()
        finally:
            left = list(self._under_way)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await asyncio.gather(*(connection.close() for connection in self._connections))

    async def _read(self, feed: LineFeed) -> None:
        while (lines := await feed.take(_PATIENCE_SECONDS)) is not None:
            if not lines:
                await self._apply_gathered()
            for number, line in enumerate(lines, 1):
                full = self._gathering.add(self._judge(line))
                self._last_read = line.number
                if full is not None:
                    await self._begin(full)
                elif number % _LINES_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _apply_gathered(self) -> None:
        for chunk in self._gathering.take():
            await self._begin(chunk)

    async def _finish(self) -> None:
        await self._apply_gathered()
        while self._under_way:
            await asyncio.wait(list(self._under_way), return_when=asyncio.FIRST_COMPLETED)
            self._raise_failure()

    async def _begin(self, chunk: Chunk) -> None:
        """Apply a chunk beside others, as soon as a connection is free. Raises what made one of them fail."""
        connection = await self._idle.get()
        self._raise_failure()
        task = asyncio.create_task(self._apply(connection, chunk))
        self._under_way[task] = chunk
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            del self._under_way[task]

    def _raise_failure(self) -> None:
        for task in self._under_way:
            if task.done():
                task.result()

    async def _apply(self, connection: Transactions, chunk: Chunk) -> None:
        try:
            tally = await connection.run(partial(apply_import, messages=chunk.messages))
        finally:
            self._idle.put_nowait(connection)
        self.tally += tally
        self._show(self.tally)
