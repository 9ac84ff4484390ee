"""One, two and four `worker` processes: what they apply together, and what each message costs Postgres then.

Run it with `python -m tests.bench.workers`; it takes two minutes and writes `tests/bench/results/workers.md`. Four
workspaces share the sixteen partitions. All run on all cores, so the rate shows growth only as far as these reach; what
shows it beyond is that transactions, lock waits and processor time for a message stay the same.
"""

import asyncio
from collections import defaultdict
from contextlib import ExitStack

import asyncpg
from rich.console import Console

from schemas.connection import secret_sha256
from tests.bench.backlog import measure_applying, queue_messages
from tests.bench.both_servers import CONNECTION, WORKSPACE_ID, Servers, cpu_seconds, everywhere, running_servers
from tests.bench.report import report
from tests.bench.traffic import traffic
from worker.fold.account_rules import AccountRules
from worker.store.connections import NewConnection, insert_connection

ROUNDS = 3
WORKERS = (1, 2, 4)
WORKSPACES = 4
MESSAGES = 10_000
"""For each workspace."""

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_POLL_SECONDS = 0.01


async def add_workspaces(servers: Servers) -> dict[int, str]:
    """Add workspaces to the first; give each one's connection."""
    database = await asyncpg.connect(servers.database_url)
    connections = {WORKSPACE_ID: CONNECTION}
    for number in range(1, WORKSPACES):
        id_ = f"{CONNECTION}{number}"
        await insert_connection(database, NewConnection(id_, id_, id_, secret_sha256(id_), AccountRules("group")))
        workspace_id = await database.fetchval("SELECT workspace_id FROM variance_data.connections WHERE id = $1", id_)
        connections[workspace_id] = id_
    await database.close()
    return connections


async def watch_locks(servers: Servers, found: list[int]) -> None:
    """Look again and again how many sessions wait for a lock."""
    database = await asyncpg.connect(servers.database_url)
    try:
        while True:
            found.append(await database.fetchval(_WAITING))
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        database.terminate()


async def count_deadlocks(servers: Servers) -> int:
    """Give how often a transaction died of a deadlock."""
    database = await asyncpg.connect(servers.database_url)
    count: int = await database.fetchval(_DEADLOCKS)
    await database.close()
    return count


def measure(servers: Servers, count: int, figures: dict[str, list[float]]) -> None:
    """Apply one backlog with so many workers."""
    servers.renew()
    for workspace_id, connection in asyncio.run(add_workspaces(servers)).items():
        queue_messages(servers, traffic(MESSAGES, seed=workspace_id), connection, workspace_id)
    waiting: list[int] = []
    with ExitStack() as stack:
        workers = [stack.enter_context(servers.running_worker(everywhere())) for _ in range(count)]
        applied = measure_applying(
            servers,
            MESSAGES * WORKSPACES,
            lambda: {"worker": sum(cpu_seconds(worker.pid) for worker in workers), **servers.cpu_seconds()},
            lambda: watch_locks(servers, waiting),
        )
    name = f"{count} worker{'s' if count > 1 else ''}"
    figures[f"{name}, messages/s"].append(applied.messages_per_second)
    for process in ("worker", "Postgres"):
        figures[f"{name}: {process}'s microseconds a message"].append(applied.cpu_microseconds[process])
    figures[f"{name}: sessions that wait for a lock, mean"].append(sum(waiting) / len(waiting))
    figures[f"{name}: deadlocks"].append(asyncio.run(count_deadlocks(servers)))
    Console().print(f"{name}: {applied.messages_per_second:,.0f}/s")


def main() -> None:
    """Measure, print and write."""
    figures: dict[str, list[float]] = defaultdict(list)
    with running_servers(everywhere()) as servers:
        for _ in range(ROUNDS):
            for count in WORKERS:
                measure(servers, count, figures)
    what = f"{WORKSPACES} workspaces, {MESSAGES:,} messages of each, {ROUNDS} rounds; all processes on the same cores."
    report("workers", what, [], dict(sorted(figures.items())))


if __name__ == "__main__":
    main()
