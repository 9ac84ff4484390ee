"""The worker's memory while it applies an hour's worth of a small company's messages.

Run it with `python -m tests.bench.worker_memory`; it takes two minutes and writes
`tests/bench/results/worker_memory.md`.
"""

import asyncio
from contextlib import ExitStack

import asyncpg
import psutil
from rich.console import Console

from tests.bench.backlog import queue_messages, until_settled
from tests.bench.both_servers import running_servers
from tests.bench.installed import installed
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic

PARTS = 6
PART_MESSAGES = 30_000
MIB = 1024**2


async def wait_until_settled(database_url: str, total: int) -> None:
    """Wait until the ledger counts so many messages."""
    database = await asyncpg.connect(database_url)
    await until_settled(database, total)
    await database.close()


def main() -> None:
    """Measure after each part, print and write."""
    resident_mib: list[float] = []
    with running_servers() as servers, ExitStack() as stack:
        servers.renew()
        worker = stack.enter_context(servers.running_worker(python=stack.enter_context(installed())))
        for part in range(PARTS):
            queue_messages(servers, traffic(PART_MESSAGES, seed=part))
            asyncio.run(wait_until_settled(servers.database_url, (part + 1) * PART_MESSAGES))
            resident_mib.append(psutil.Process(worker.pid).memory_info().rss / MIB)
            Console().print(f"{(part + 1) * PART_MESSAGES:,} messages: {resident_mib[-1]:.0f} MiB")
    ratios = [
        Ratio("MiB resident at the end", 90, is_at_most=True, rounds=resident_mib[-1:]),
        Ratio("MiB at the end, of those after the second part", 1.1, is_at_most=True),
    ]
    ratios[1].rounds = [resident_mib[-1] / resident_mib[1]]
    what = f"{PARTS * PART_MESSAGES:,} messages, looked at after each {PART_MESSAGES:,}: 50 a second for an hour."
    report("worker_memory", what, ratios, {"MiB resident": resident_mib})


if __name__ == "__main__":
    main()
