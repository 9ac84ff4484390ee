"""What a long log costs: one worker's rate with millions of messages in the log, against an empty one.

Run it with `python -m tests.bench.log_growth [MESSAGES]`, by default 20,000,000, which takes ten minutes and some ten
gigabytes in the folder for temporary files; it writes `tests/bench/results/log_growth.md`.
"""

import asyncio
import sys
import time
from collections import defaultdict

import asyncpg
from rich.console import Console

from tests.bench.backlog import Applied, measure_applying, queue_messages
from tests.bench.both_servers import CONNECTION, WORKSPACE_ID, Servers, running_servers
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic

ROUNDS = 3
MESSAGES = 30_000
LOGGED = 20_000_000

# The senders are others than the traffic's: what grows is the log, not the people.
_GROW = """
INSERT INTO variance_data.messages
    (workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, body)
SELECT $1, $2, gen_random_uuid()::text, 'track', '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 second',
    '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 second', md5((n % 500000)::text)::uuid,
    '{"type": "track", "event": "Clicked", "properties": {"plan": "enterprise", "seats": 12, "source": "nav"}}'
FROM generate_series($3::bigint, $4::bigint) AS n
"""
_CHUNK_ROWS = 1_000_000


def apply_more(servers: Servers, database_url: str, seed: int) -> Applied:
    """Let a worker apply further messages to one of the databases."""
    servers.database_url = database_url
    queue_messages(servers, traffic(MESSAGES, seed=seed))
    with servers.running_worker():
        return measure_applying(servers, (seed + 1) * MESSAGES, servers.cpu_seconds)


async def grow(url: str, rows: int) -> None:
    """Fill the log, not through the front."""
    database = await asyncpg.connect(url)
    started_at = time.perf_counter()
    for first in range(0, rows, _CHUNK_ROWS):
        last = min(first + _CHUNK_ROWS, rows)
        await database.execute(_GROW, WORKSPACE_ID, CONNECTION, first + 1, last, timeout=3600)
        Console().print(f"{last:,} rows after {time.perf_counter() - started_at:,.0f} s")
    await database.execute("VACUUM (ANALYZE) variance_data.messages", timeout=3600)
    await database.execute("CHECKPOINT", timeout=3600)
    await database.close()


def main() -> None:
    """Measure, print and write."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else LOGGED
    ratio = Ratio(f"messages/s with {rows:,} messages in the log, of those with an empty one", 0.85)
    figures: dict[str, list[float]] = defaultdict(list)
    with running_servers() as servers:
        sides = {"empty log": servers.add_database(), "long log": servers.add_database()}
        asyncio.run(grow(sides["long log"], rows))
        for seed in range(ROUNDS + 1):  # the first fills the caches, and makes the people
            applied = {side: apply_more(servers, url, seed) for side, url in sides.items()}
            if seed:
                ratio.rounds.append(applied["long log"].messages_per_second / applied["empty log"].messages_per_second)
                for side, found in applied.items():
                    figures[f"{side}, messages/s"].append(found.messages_per_second)
                    figures[f"{side}, Postgres' microseconds a message"].append(found.cpu_microseconds["Postgres"])
            Console().print({side: round(found.messages_per_second) for side, found in applied.items()})
    what = f"One `worker` on one core, {MESSAGES:,} messages a round and side, the same to both databases in turn."
    report("log_growth", what, [ratio], figures)


if __name__ == "__main__":
    main()
