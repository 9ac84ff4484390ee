"""An audience's first sync: one Identify call for each of 100,000 members, as fast as HTTP takes them.

Run it with `python -m tests.bench.first_sync`; it takes a minute and writes `tests/bench/results/first_sync.md`.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg

from schemas.timestamps import write_instant
from tests.bench.backlog import until_settled
from tests.bench.both_servers import SECRET, Servers, running_servers
from tests.bench.cores import split
from tests.bench.report import report
from tests.bench.web import connected, post_batch, running_web

MEMBERS = 100_000
BATCH_MESSAGES = 100
CONNECTIONS = 16
_AUDIENCE = "trial_ends_soon"


def calls() -> Iterator[dict[str, Any]]:
    """Give the calls as Engage makes them."""
    at = write_instant(datetime.now(UTC))
    personas = {
        "computation_class": "audience",
        "computation_key": _AUDIENCE,
        "computation_id": "aud_1",
        "space_id": "s",
    }
    for number in range(MEMBERS):
        yield {
            "type": "identify",
            "messageId": f"personas_{number:027d}",
            "userId": f"user-{number}",
            "timestamp": at,
            "context": {"personas": personas},
            "traits": {_AUDIENCE: True, "email": f"user{number}@company{number % 2000}.com"},
        }


async def measure(servers: Servers, port: int) -> tuple[float, float]:
    """Post everything; give the seconds until the last is acknowledged, and until the last is applied."""
    database = await asyncpg.connect(servers.database_url)
    waiting = calls()
    async with connected(port, SECRET) as http:

        async def send() -> None:
            while batch := [call for _, call in zip(range(BATCH_MESSAGES), waiting, strict=False)]:
                await post_batch(http, batch)

        started_at = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
        acknowledged_seconds = time.perf_counter() - started_at
    await until_settled(database, MEMBERS)
    applied_seconds = time.perf_counter() - started_at
    members = await database.fetchval("SELECT count(*) FROM variance.audience_memberships WHERE is_member")
    assert members == MEMBERS, members
    await database.close()
    return acknowledged_seconds, applied_seconds


def main() -> None:
    """Measure, print and write."""
    with running_servers() as servers:
        servers.renew()
        with servers.running_worker(), running_web(servers, split()[1]) as (port, _):
            acknowledged_seconds, applied_seconds = asyncio.run(measure(servers, port))
    figures = {
        "until all are acknowledged, seconds": [acknowledged_seconds],
        "until all are applied, seconds": [applied_seconds],
        "applied, messages/s": [MEMBERS / applied_seconds],
    }
    what = f"{MEMBERS:,} Identify calls through HTTP in batches of {BATCH_MESSAGES}; the load shares the two cores."
    report("first_sync", what, [], figures)


if __name__ == "__main__":
    main()
