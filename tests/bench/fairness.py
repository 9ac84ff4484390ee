"""What other workspaces wait for while one has a burst, beside what they wait for without it.

Run it with `python -m tests.bench.fairness [ROUNDS]`, by default 3; a round takes a minute. It writes
`tests/bench/results/fairness.md`. Everything goes through HTTP: `web`, the servers and the load share a core, and the
worker has the other. Each round has the burst once more without the rule, where nothing is taken for a burst.
"""

import asyncio
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field

import aiohttp
import asyncpg
import orjson

from schemas.connection import secret_sha256
from schemas.partitions import find_partitions
from schemas.redis_client import RedisClient
from tests.bench.both_servers import SECRET, WORKSPACE_ID, Servers, running_servers
from tests.bench.cores import split
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic
from tests.bench.web import connected, running_web
from tests.partitions import partition_of
from worker.fold.account_rules import AccountRules
from worker.publish import publish_connections
from worker.store.connections import NewConnection, insert_connection

ROUNDS = 3
BURST_MESSAGES = 60_000
BATCH_MESSAGES = 100
POSTED_MESSAGES_PER_SECOND = 10_000
SMALL = 12
PAUSE_SECONDS = 0.05
QUIET_SECONDS = 12.0
WARM_UP_SECONDS = 3.0
WITHOUT_THE_RULE = {"BURST_MESSAGES_PER_SECOND": "1000000000"}

_SEEN = "SELECT m.message_id FROM variance_data.messages m WHERE m.workspace_id <> $1 AND m.message_id = ANY($2)"
_APPLIED = "SELECT count(*) FROM variance_data.messages WHERE workspace_id = $1"


@dataclass
class Waits:
    """How long the others' messages took from their post to the log, in milliseconds; and the burst's pace.

    `within_ms` are those among them whose sender's partition is also one of the bursting workspace's.
    """

    all_ms: list[float] = field(default_factory=list)
    within_ms: list[float] = field(default_factory=list)
    burst_messages_per_second: float = 0.0


class Others:
    """The small workspaces, each with a connection, which post one message at a time, in turn."""

    def __init__(self, servers: Servers, database: "asyncpg.Connection[asyncpg.Record]", port: int) -> None:
        self._servers = servers
        self._database = database
        self._port = port
        self._workspaces: dict[str, int] = {}
        self._number = 0

    async def add(self) -> None:
        """Add them, and have everybody know."""
        for number in range(SMALL):
            name = f"small{number}"
            connection = NewConnection(name, name, name, secret_sha256(name), AccountRules("email"))
            await insert_connection(self._database, connection)
        rows = await self._database.fetch("SELECT id, workspace_id FROM variance_data.connections WHERE id LIKE 'sm%'")
        self._workspaces = {row["id"]: row["workspace_id"] for row in rows}
        async with RedisClient(self._servers.redis_url, timeout_seconds=5, max_connections=2) as redis:
            await publish_connections(self._database, redis)
            while not (await find_partitions(redis)).has_bursts:  # noqa: ASYNC110 (Redis tells nobody)
                await asyncio.sleep(0.05)

    async def measure(self, until: "asyncio.Task[object]") -> Waits:
        """Post until a task is done, and until all is applied that was posted till then."""
        burst = {partition_of(WORKSPACE_ID, str(number)) for number in range(1000)}
        waits, waiting = Waits(), dict[str, tuple[float, bool]]()
        next_at = time.perf_counter()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{self._port}") as http, asyncio.TaskGroup() as posts:
            while waiting or not until.done():
                if not until.done() and (now := time.perf_counter()) >= next_at:
                    next_at = now + PAUSE_SECONDS
                    self._number += 1
                    message_id, sender = f"other-{self._number}", f"user-{self._number}"
                    connection, workspace_id = list(self._workspaces.items())[self._number % SMALL]
                    waiting[message_id] = now, partition_of(workspace_id, sender) in burst
                    event = {"type": "track", "event": "Seen", "messageId": message_id, "userId": sender}
                    posts.create_task(post(http, "/v1/track", orjson.dumps(event | {"writeKey": connection})))
                for row in await self._database.fetch(_SEEN, WORKSPACE_ID, list(waiting)):
                    posted_at, is_within = waiting.pop(row["message_id"])
                    wait_ms = (time.perf_counter() - posted_at) * 1000
                    waits.all_ms.append(wait_ms)
                    if is_within:
                        waits.within_ms.append(wait_ms)
                await asyncio.sleep(0.002)
        return waits


def burst_bodies() -> list[bytes]:
    """Give the burst's posts, ready to be sent, since the sender would have another machine for that."""
    messages = list(traffic(BURST_MESSAGES))
    starts = range(0, BURST_MESSAGES, BATCH_MESSAGES)
    return [orjson.dumps({"batch": messages[start : start + BATCH_MESSAGES]}) for start in starts]


async def post(http: aiohttp.ClientSession, path: str, body: bytes) -> None:
    """Post; fails where it is not acknowledged."""
    async with http.post(path, data=body) as answer:
        answer.raise_for_status()


async def have_burst(servers: Servers, port: int, bodies: list[bytes]) -> float:
    """Post one workspace's burst; give the messages/s at which it is applied, from its first post on."""
    database = await asyncpg.connect(servers.database_url)
    async with connected(port, SECRET) as http, asyncio.TaskGroup() as posts:
        began_at = time.perf_counter()
        for number, body in enumerate(bodies):
            await asyncio.sleep(began_at + number * BATCH_MESSAGES / POSTED_MESSAGES_PER_SECOND - time.perf_counter())
            posts.create_task(post(http, "/v1/batch", body))
    while await database.fetchval(_APPLIED, WORKSPACE_ID) < BURST_MESSAGES:  # noqa: ASYNC110 (Postgres tells nobody)
        await asyncio.sleep(0.1)
    seconds = time.perf_counter() - began_at
    await database.close()
    return BURST_MESSAGES / seconds


async def run(servers: Servers, port: int, bodies: list[bytes]) -> tuple[Waits, Waits]:
    """Measure without a burst, then with one until it is applied."""
    database = await asyncpg.connect(servers.database_url)
    try:
        others = Others(servers, database, port)
        await others.add()
        await others.measure(asyncio.create_task(asyncio.sleep(WARM_UP_SECONDS)))
        quiet = await others.measure(asyncio.create_task(asyncio.sleep(QUIET_SECONDS)))
        burst = asyncio.create_task(have_burst(servers, port, bodies))
        loud = await others.measure(burst)
        loud.burst_messages_per_second = await burst
        return quiet, loud
    finally:
        await database.close()


def measure(servers: Servers, bodies: list[bytes], **web_settings: str) -> tuple[Waits, Waits]:
    """Start everything anew, with these settings of `web`, and measure."""
    servers.renew()
    with servers.running_worker(), running_web(servers, split()[1], **web_settings) as (port, _):
        return asyncio.run(run(servers, port, bodies))


def p99(waits_ms: list[float]) -> float:
    """Give the time that one in a hundred waits longer than."""
    return statistics.quantiles(waits_ms, n=100)[98]


def main() -> None:
    """Measure, print and write."""
    slower = Ratio("others' p99 with the burst ÷ without", 3, is_at_most=True)
    pace = Ratio("the burst's messages/s with the rule ÷ without it", 0.8)
    figures: dict[str, list[float]] = defaultdict(list)
    bodies = burst_bodies()
    with running_servers() as servers:
        for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS):
            quiet, loud = measure(servers, bodies)
            _, unruly = measure(servers, bodies, **WITHOUT_THE_RULE)
            slower.rounds.append(p99(loud.all_ms) / p99(quiet.all_ms))
            pace.rounds.append(loud.burst_messages_per_second / unruly.burst_messages_per_second)
            for name, waits in (("without a burst", quiet), ("with", loud), ("with, without the rule", unruly)):
                figures[f"p50 {name}, milliseconds"].append(statistics.median(waits.all_ms))
                figures[f"p99 {name}, milliseconds"].append(p99(waits.all_ms))
            for name, waits in (("", loud), (", without the rule", unruly)):
                shared = "of those in the bursting workspace's usual partitions"
                figures[f"p99 {shared}{name}, milliseconds"].append(p99(waits.within_ms))
                figures[f"the burst, messages/s{name}"].append(waits.burst_messages_per_second)
    what = (
        f"{SMALL} small workspaces post a message every {PAUSE_SECONDS * 1000:.0f} ms, while another one's burst of "
        f"{BURST_MESSAGES:,} messages is posted and applied, by one worker; from the post to the log."
    )
    report("fairness", what, [slower, pace], figures)


if __name__ == "__main__":
    main()
