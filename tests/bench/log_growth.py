"""What a long log costs: one worker's rate with millions of messages in the log, against an empty one, and a trim.

Run it with `python -m tests.bench.log_growth [MESSAGES]`, by default 20,000,000, which takes six minutes and some ten
gigabytes in the folder for temporary files (five times as many: half an hour, and fifty); it writes
`tests/bench/results/log_growth.md`, with Postgres' plans.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from rich.console import Console

from tests.bench.backlog import Applied, measure_applying, queue_messages
from tests.bench.both_servers import CONNECTION, WORKSPACE_ID, Servers, running_servers
from tests.bench.grown_log import DAYS, FIRST_AT, grow
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic
from worker.retention.trim import trim
from worker.sql import statement
from worker.store.database import to_jsonb
from worker.store.retention import set_retention

ROUNDS = 3
MESSAGES = 30_000
LOGGED = 20_000_000
_PLANNED_ROWS = 1_000
_PLANNED_IDENTITIES = 2_000
_EVENTS_EACH = 50
_KEPT = timedelta(days=1)


def apply_more(servers: Servers, database_url: str, seed: int) -> Applied:
    """Let a worker apply further messages, of others than are in the log, to one of the databases."""
    servers.database_url = database_url
    queue_messages(servers, traffic(MESSAGES, seed=seed))
    with servers.running_worker():
        return measure_applying(servers, (seed + 1) * MESSAGES, servers.cpu_seconds)


def compare(
    servers: Servers, urls: dict[str, str], ratio: Ratio, figures: dict[str, list[float]]
) -> None:
    """Apply the same messages to both databases in turn."""
    for seed in range(ROUNDS + 1):  # the first fills the caches, and makes the people
        applied = {side: apply_more(servers, url, seed) for side, url in urls.items()}
        if seed:
            ratio.rounds.append(applied["long log"].messages_per_second / applied["empty log"].messages_per_second)
            for side, found in applied.items():
                figures[f"{side}, messages/s"].append(found.messages_per_second)
                figures[f"{side}, Postgres' microseconds a message"].append(found.cpu_microseconds["Postgres"])
        Console().print({side: round(found.messages_per_second) for side, found in applied.items()})


async def explain(database: "asyncpg.Connection[asyncpg.Record]", name: str, arguments: Sequence[Any]) -> str:
    """Run a statement, undo it, and give Postgres' plan, with the pages that it touched."""
    transaction = database.transaction()
    await transaction.start()
    query = f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement(name)}"
    rows = await database.fetch(query, *arguments)
    await transaction.rollback()
    plan = "\n".join(row[0] for row in rows)
    return f"`{name}.sql`:\n\n```\n{plan}\n```"


async def look(url: str, rows: int, figures: dict[str, list[float]]) -> list[str]:
    """Trim the log's first day, and give the plans of what writes and what trims it."""
    database = await asyncpg.connect(url, command_timeout=3600)
    ids = [row["id"] for row in await database.fetch("SELECT id FROM grown_senders LIMIT $1", _PLANNED_IDENTITIES)]
    plans = [
        await explain(database, "insert_messages", (WORKSPACE_ID, to_jsonb(list(map(_row, ids[:_PLANNED_ROWS]))), (
            "\n".join(['{"type": "track", "event": "Clicked"}'] * _PLANNED_ROWS)
        ))),
        await explain(
            database, "read_old_events", (WORKSPACE_ID, ids, [0] * len(ids), _until(), _EVENTS_EACH)
        ),
    ]  # fmt: skip
    await set_retention(database, WORKSPACE_ID, _KEPT)
    started_at = time.perf_counter()
    assert await trim(database, WORKSPACE_ID, _until() + _KEPT)
    seconds = time.perf_counter() - started_at
    figures["long log, seconds to trim its first day"].append(seconds)
    figures["long log, events/s that are trimmed"].append(rows / DAYS / seconds)
    for table in ("messages", "messages_by_digest", "messages_by_sender", "messages_by_connection"):
        size_bytes = await database.fetchval("SELECT pg_relation_size($1::text::regclass)", f"variance_data.{table}")
        figures[f"long log, megabytes of {table}"].append(size_bytes / 1e6)
    await database.close()
    return plans


def _until() -> datetime:
    return FIRST_AT + timedelta(days=1)


def _row(sender_id: Any) -> dict[str, Any]:
    at = FIRST_AT + timedelta(days=DAYS)
    return {
        "connection_id": CONNECTION, "message_id": f"{sender_id}", "type": "track", "occurred_at": at,
        "received_at": at, "sender_id": sender_id, "account_id": None,
    }  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else LOGGED
    ratio = Ratio(f"messages/s with {rows:,} messages in the log, of those with an empty one", 0.85)
    figures: dict[str, list[float]] = defaultdict(list)
    with running_servers() as servers:
        urls = {"empty log": servers.add_database(), "long log": servers.add_database()}
        asyncio.run(grow(urls["long log"], rows))
        compare(servers, urls, ratio, figures)
        plans = asyncio.run(look(urls["long log"], rows, figures))
    what = f"One `worker` on one core, {MESSAGES:,} messages a round and side, the same to both databases in turn."
    report("log_growth", what, [ratio], figures, *plans)


if __name__ == "__main__":
    main()
