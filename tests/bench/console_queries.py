"""What each page of the console costs the database beside a large log: `python -m tests.bench.console_queries`.

Starts its own servers in a directory of their own, writes the log by SQL (some minutes for five millions), and prints
for each page how many statements it makes and the milliseconds that they take, the median of a few looks.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
from rich.console import Console as Terminal
from rich.table import Table

from tests.console.running import running_console
from tests.console.seeding import Asked, fill, pages_to_look_at, recorded_queries
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.valkey import EmbeddedValkey
from worker.migrate import bring_up_to_date

_LOOKS = 5
_GOAL_MILLISECONDS = 300


async def _run(redis_url: str, database_url: str, messages: int) -> None:
    await bring_up_to_date(database_url)
    terminal = Terminal(width=100)
    async with AsyncExitStack() as stack:
        database = await asyncpg.connect(database_url)
        stack.push_async_callback(database.close)
        started_at = time.monotonic()
        async for written in fill(database, messages, people=max(messages // 10, 1000)):
            terminal.print(f"{written:,} messages after {time.monotonic() - started_at:.0f} s")
        asked = stack.enter_context(recorded_queries())
        console = await stack.enter_async_context(running_console(redis_url, database_url))
        operator = await console.operator()
        await _until_counted(database)
        terminal.print(f"counted what arrived after {time.monotonic() - started_at:.0f} s")
        table = Table("page", "statements", "ms, first look", f"ms, median of {_LOOKS}", "")
        for name, path in (await pages_to_look_at(database)).items():
            looks: list[list[Asked]] = []
            for _ in range(_LOOKS + 1):
                asked.clear()
                answer = await operator.get(path)
                assert answer.status == 200, (path, answer.text)
                looks.append([one for one in asked if "arrivals_counted" not in one.query])
            sums = [sum(one.seconds for one in look) * 1000 for look in looks]
            median = statistics.median(sums[1:])
            mark = "" if median < _GOAL_MILLISECONDS else "too slow"
            table.add_row(name, str(len(looks[0])), f"{sums[0]:.0f}", f"{median:.0f}", mark)
            if mark:
                slowest = max(looks[1], key=lambda one: one.seconds)
                terminal.print(f"{name}: {slowest.seconds * 1000:.0f} ms: {slowest.query.splitlines()[0]}")
        terminal.print(table)


async def _until_counted(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    last: int = await database.fetchval("SELECT last_value FROM variance_data.messages_position_seq")
    while await database.fetchval("SELECT position FROM variance_data.arrivals_counted") < last:  # noqa: ASYNC110
        await asyncio.sleep(0.5)


def main() -> None:
    """Run with so many messages, five millions by default."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        valkey, postgres = EmbeddedValkey(Path(folder) / "valkey"), EmbeddedPostgres(Path(folder) / "postgres")
        try:
            asyncio.run(_run(valkey.start(), postgres.start(), messages))
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
