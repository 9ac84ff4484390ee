"""What other workspaces wait for while one has a burst, beside what they wait for without it.

Run it with `python -m tests.bench.fairness`; it takes a minute and writes `tests/bench/results/fairness.md`.
"""

import asyncio
import statistics
import time
from dataclasses import dataclass, field

import asyncpg

from schemas.connection import secret_sha256
from schemas.queue import partition_of
from tests.bench.backlog import queue_messages
from tests.bench.both_servers import WORKSPACE_ID, Servers, running_servers
from tests.bench.report import report
from tests.bench.traffic import traffic
from worker.fold.account_rules import AccountRules
from worker.store.connections import NewConnection, insert_connection

BURST_MESSAGES = 60_000
SMALL = 12
PAUSE_SECONDS = 0.05
SECONDS = 15.0
_SEEN = "SELECT m.message_id FROM variance_data.messages m WHERE m.workspace_id <> $1 AND m.message_id = ANY($2)"


@dataclass
class Waits:
    """How long messages waited, in milliseconds: those that share a partition with the burst, and the others."""

    beside_ms: list[float] = field(default_factory=list)
    within_ms: list[float] = field(default_factory=list)
    left: int = 0


async def add_workspaces(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Add the small workspaces, a connection in each."""
    for number in range(SMALL):
        name = f"small{number}"
        await insert_connection(database, NewConnection(name, name, name, secret_sha256(name), AccountRules("email")))


async def read_workspaces(database: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    """Give the small workspaces by connection."""
    rows = await database.fetch("SELECT id, workspace_id FROM variance_data.connections WHERE id LIKE 'small%'")
    return {row["id"]: row["workspace_id"] for row in rows}


async def measure(servers: Servers, database: "asyncpg.Connection[asyncpg.Record]", phase: str) -> Waits:
    """Queue one message at a time, of each small workspace in turn; see when each is in the log."""
    workspaces = await read_workspaces(database)
    burst = {partition_of(WORKSPACE_ID, str(number)) for number in range(1000)}
    waits = Waits()
    waiting: dict[str, tuple[float, bool]] = {}
    began_at, number = time.perf_counter(), 0
    while (now := time.perf_counter()) < began_at + SECONDS:
        if now >= began_at + number * PAUSE_SECONDS:
            connection, workspace_id = list(workspaces.items())[number % SMALL]
            message_id, sender = f"{phase}-{number}", f"user-{number}"
            event = {"type": "track", "event": "Seen", "messageId": message_id, "userId": sender}
            waiting[message_id] = now, partition_of(workspace_id, sender) in burst
            await asyncio.to_thread(queue_messages, servers, [event], connection, workspace_id)
            number += 1
        for row in await database.fetch(_SEEN, WORKSPACE_ID, list(waiting)):
            queued_at, is_within = waiting.pop(row["message_id"])
            (waits.within_ms if is_within else waits.beside_ms).append((time.perf_counter() - queued_at) * 1000)
        await asyncio.sleep(0.002)
    # Who still waits has waited so long at least.
    for queued_at, is_within in waiting.values():
        (waits.within_ms if is_within else waits.beside_ms).append((time.perf_counter() - queued_at) * 1000)
    waits.left = len(waiting)
    return waits


def p99(waits_ms: list[float]) -> float:
    """Give the time that one in a hundred waits longer than."""
    return statistics.quantiles(waits_ms, n=100)[98]


async def run(servers: Servers) -> tuple[Waits, Waits, int]:
    """Measure without a burst, then with one that lasts; give how much of it was applied, too."""
    database = await asyncpg.connect(servers.database_url)
    try:
        await add_workspaces(database)
        await measure(servers, database, "warming")  # the worker's start
        quiet = await measure(servers, database, "quiet")
        await asyncio.to_thread(queue_messages, servers, traffic(BURST_MESSAGES))
        loud = await measure(servers, database, "burst")
        count = "SELECT count(*) FROM variance_data.messages WHERE workspace_id = $1"
        return quiet, loud, await database.fetchval(count, WORKSPACE_ID)
    finally:
        await database.close()


def main() -> None:
    """Measure, print and write."""
    with running_servers() as servers:
        servers.renew()
        with servers.running_worker():
            quiet, loud, applied = asyncio.run(run(servers))
    figures = {
        "p50 without a burst, milliseconds": [statistics.median(quiet.beside_ms + quiet.within_ms)],
        "p99 without a burst, milliseconds": [p99(quiet.beside_ms + quiet.within_ms)],
        "p50 in partitions beside the burst's, milliseconds": [statistics.median(loud.beside_ms)],
        "p99 in partitions beside the burst's, milliseconds": [p99(loud.beside_ms)],
        "p50 in the burst's own partitions, milliseconds, at least": [statistics.median(loud.within_ms)],
        "p99 in the burst's own partitions, milliseconds, at least": [p99(loud.within_ms)],
        "messages of others that lie in the burst's partitions, %": [
            100 * len(loud.within_ms) / len(loud.within_ms + loud.beside_ms)
        ],
        "messages of the burst applied meanwhile, of a second": [applied / SECONDS],
    }
    what = (
        f"{SMALL} small workspaces, a message every {PAUSE_SECONDS * 1000:.0f} ms, while one workspace's burst of "
        f"{BURST_MESSAGES:,} messages is applied by one worker; from the queue to the log."
    )
    report("fairness", what, [], figures)


if __name__ == "__main__":
    main()
