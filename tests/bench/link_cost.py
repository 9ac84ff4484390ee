"""What a merge, a rename and a relink cost beside 10, 10,000 and 1,000,000 events.

Run it with `python -m tests.bench.link_cost`; it takes a minute.
"""

import asyncio
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.convergence.stage import Stage, open_stage
from tests.convergence.worlds import told
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.valkey import EmbeddedValkey
from worker.migrate import bring_up_to_date

EVENTS = (10, 10_000, 1_000_000)
REPEATS = 15
OPERATIONS: dict[str, dict[str, Any]] = {
    "merge": told("alias", 90, 9, userId="u2", previousId="u1"),
    "rename": told("alias", 91, 9, userId="new", previousId="u1"),
    "relink": told("identify", 92, 0, userId="u2", anonymousId="a1", traits={}),
}
_WORLD = [
    told("identify", 0, 1, userId="u1", anonymousId="a1", traits={"plan": 1}),
    told("identify", 1, 2, userId="u2", traits={"plan": 2}),
]
_GROW = """
INSERT INTO variance_data.messages
    (workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, body)
SELECT i.workspace_id, w.name || 'g', 'e' || n, 'track', now(), now(), i.id, '{"type": "track", "event": "Clicked"}'
FROM variance_data.identities i
JOIN variance_data.workspaces w ON w.id = i.workspace_id
CROSS JOIN generate_series(1, $2) n
WHERE w.name = $1 AND i.value = 'u1'
"""


async def measure(stage: Stage, events: int, operation: dict[str, Any]) -> float:
    """Give the milliseconds from queueing one message to its being applied, on a contact of many events."""
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [_WORLD], at_once=False)
    await stage.database.execute(_GROW, workspace, events)
    await stage.database.execute("ANALYZE variance_data.messages")
    await stage.database.execute("CHECKPOINT")  # what filling the table left to write is not the message's cost
    started_at = time.perf_counter()
    await stage.deliver(workspace, [[operation]], at_once=False)
    seconds = time.perf_counter() - started_at
    await stage.database.execute("DELETE FROM variance_data.messages")
    return seconds * 1000


async def run(redis_url: str, database_url: str) -> Table:
    """Measure everything in turn, and give the medians as a table."""
    await bring_up_to_date(database_url)
    table = Table("operation", *(f"{events:,} events, ms" for events in EVENTS), "last ÷ first")
    async with open_stage(redis_url, database_url, workers=1) as stage:
        await measure(stage, 10, OPERATIONS["merge"])
        taken: dict[tuple[str, int], list[float]] = {key: [] for key in itertools.product(OPERATIONS, EVENTS)}
        for name, events in list(taken):
            for _ in range(REPEATS if events < EVENTS[-1] else 5):
                taken[name, events].append(await measure(stage, events, OPERATIONS[name]))
    for name in OPERATIONS:
        medians = [statistics.median(taken[name, events]) for events in EVENTS]
        table.add_row(name, *(f"{median:.1f}" for median in medians), f"{medians[-1] / medians[0]:.2f}")
    return table


def main() -> None:
    """Start the servers, measure, and print."""
    with tempfile.TemporaryDirectory() as directory:
        valkey, postgres = EmbeddedValkey(Path(directory) / "valkey"), EmbeddedPostgres(Path(directory) / "postgres")
        try:
            table = asyncio.run(run(valkey.start(), postgres.start()))
        finally:
            valkey.stop()
            postgres.stop()
    Console().print(table)


if __name__ == "__main__":
    main()
