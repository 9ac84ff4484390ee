"""Everything on two cores: how many messages a second go from HTTP to Postgres for a minute, the queue not growing.

Run it with `python -m tests.bench.two_cores [MESSAGES_PER_SECOND]`, by default 5,100, a little more than the goal; it
takes a minute and a half and writes `tests/bench/results/two_cores.md`. A load process posts batches at that rate to
one `web` process; one `worker` applies; the load's own share of the cores is told as well.
"""

import asyncio
import sys
import time
from collections import defaultdict

import asyncpg
from rich.console import Console

from tests.bench.backlog import LEDGER, until_settled
from tests.bench.both_servers import SECRET, Servers, cpu_seconds, everywhere, running_servers
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic
from tests.bench.web import connected, post_batch, running_web

SECONDS = 60
BATCH_MESSAGES = 100
SENDERS = 8


async def measure(servers: Servers, port: int, pids: dict[str, int], rate: float) -> dict[str, list[float]]:
    """Post at the rate for a minute; once a second look at the queue."""
    figures: dict[str, list[float]] = defaultdict(list)
    database = await asyncpg.connect(servers.database_url)
    messages = traffic(int(rate * SECONDS))
    posted = 0

    def used() -> dict[str, float]:
        processes = {name: cpu_seconds(pid) for name, pid in pids.items()}
        return {**processes, **servers.cpu_seconds(), "the load": time.process_time()}

    async with connected(port, SECRET) as http:

        async def send(number: int) -> None:
            nonlocal posted
            due_at = started_at + number * BATCH_MESSAGES / rate
            while batch := [message for _, message in zip(range(BATCH_MESSAGES), messages, strict=False)]:
                await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
                await post_batch(http, batch)
                posted += len(batch)
                due_at += SENDERS * BATCH_MESSAGES / rate

        used_before, started_at = used(), time.perf_counter()
        senders = [asyncio.create_task(send(number)) for number in range(SENDERS)]
        while not all(sender.done() for sender in senders):
            await asyncio.sleep(1)
            settled = await database.fetchval(LEDGER)
            figures["waiting in the queue, messages"].append(posted - settled)
        await asyncio.gather(*senders)
        seconds = time.perf_counter() - started_at
    await until_settled(database, posted)
    figures["posted, messages/s"] = [posted / seconds]
    figures["applied, messages/s, until the queue was empty"] = [posted / (time.perf_counter() - started_at)]
    for name, seconds_used in used().items():
        figures[f"{name}'s share of a core, %"] = [(seconds_used - used_before[name]) / seconds * 100]
    await database.close()
    return figures


def main() -> None:
    """Measure, print and write."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 5100.0
    cores = everywhere()
    with running_servers(cores) as servers:
        servers.renew()
        with servers.running_worker(cores) as worker, running_web(servers, cores) as (port, web_pid):
            pids = {"web": web_pid, "worker": worker.pid}
            figures = asyncio.run(measure(servers, port, pids, rate))
    waiting = figures["waiting in the queue, messages"]
    kept_up = Ratio("applied until the queue was empty, messages/s", 5000)
    kept_up.rounds = figures["applied, messages/s, until the queue was empty"]
    Console().print(f"waiting at the end of each ten seconds: {[round(count) for count in waiting[9::10]]}")
    what = (
        f"{rate:,.0f} messages/s offered for {SECONDS} s in batches of {BATCH_MESSAGES}, on two cores that all share. "
        f"Waiting in the queue after each ten seconds: {', '.join(f'{count:,.0f}' for count in waiting[9::10])}."
    )
    report("two_cores", what, [kept_up], figures)


if __name__ == "__main__":
    main()
