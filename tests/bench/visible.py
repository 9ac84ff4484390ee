"""How long a post takes to be visible in `variance.events` on an idle system, beside what one commit takes.

Run it with `python -m tests.bench.visible`; it takes half a minute and writes `tests/bench/results/visible.md`.
"""

import asyncio
import random
import statistics
import time

import asyncpg
from rich.console import Console

from tests.bench.both_servers import SECRET, Servers, running_servers
from tests.bench.cores import split
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic
from tests.bench.web import connected, post_batch, running_web

POSTS = 300
_COMMIT = "UPDATE variance_data.workspaces SET created_at = now() WHERE id = 1"
_IS_VISIBLE = "SELECT EXISTS (SELECT FROM variance.events WHERE message_id = $1)"


async def measure(servers: Servers, port: int) -> tuple[list[float], list[float]]:
    """Post one message at a time, at moments that nothing else depends on; give both times, in milliseconds."""
    seen_ms: list[float] = []
    commit_ms: list[float] = []
    chance = random.Random(1)
    database = await asyncpg.connect(servers.database_url)
    events = [message for message in traffic(POSTS * 2) if message["type"] == "track"][:POSTS]
    async with connected(port, SECRET) as http:
        for event in events:
            await asyncio.sleep(0.02 + chance.random() * 0.05)
            started_at = time.perf_counter()
            await post_batch(http, [event])
            while not await database.fetchval(_IS_VISIBLE, event["messageId"]):  # noqa: ASYNC110 (Postgres tells nobody)
                await asyncio.sleep(0.001)
            seen_ms.append((time.perf_counter() - started_at) * 1000)
            started_at = time.perf_counter()
            await database.execute(_COMMIT)
            commit_ms.append((time.perf_counter() - started_at) * 1000)
    await database.close()
    return seen_ms[10:], commit_ms[10:]


def main() -> None:
    """Measure, print and write."""
    with running_servers() as servers:
        servers.renew()
        with servers.running_worker(), running_web(servers, split()[0]) as (port, _):
            seen_ms, commit_ms = asyncio.run(measure(servers, port))
    p50, p99 = (statistics.quantiles(seen_ms, n=100)[place] for place in (49, 98))
    commit = statistics.median(commit_ms)
    ratios = [
        Ratio("p50, milliseconds", 60, is_at_most=True, rounds=[p50]),
        Ratio("p99, milliseconds", 200, is_at_most=True, rounds=[p99]),
    ]
    figures = {"one commit, milliseconds": commit_ms, "p50, commits": [p50 / commit], "p99, commits": [p99 / commit]}
    Console().print(f"{len(seen_ms)} posts")
    report(
        "visible", "From the post to its row in `variance.events`, idle system, one post at a time.", ratios, figures
    )


if __name__ == "__main__":
    main()
