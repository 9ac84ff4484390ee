"""The ledger as it stands, to be read by people."""

from collections.abc import Mapping
from dataclasses import dataclass

from worker.sql import statement
from worker.store.database import Database
from worker.tally import Tally


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of a partition's messages; `accepted` counts those that did not come through the queue.

    `settled_entries` are the stream entries of the last commit, which may not be removed yet.
    """

    accepted: int
    tally: Tally
    settled_entries: frozenset[str] = frozenset()


async def read_ledger(database: Database) -> Mapping[int, LedgerRow]:
    """Give the rows of all partitions at one moment, by the partition's number."""
    rows = await database.fetch(statement("read_ledger"))
    return {
        row["partition"]: LedgerRow(
            row["accepted"],
            Tally(row["applied"], row["duplicate"], row["suppressed"], row["dead"]),
            frozenset(row["settled_entries"]),
        )
        for row in rows
    }


async def count_worker_sessions(database: Database) -> int:
    """Count the connections that workers have to this database."""
    count: int = await database.fetchval(statement("count_worker_sessions"))
    return count
