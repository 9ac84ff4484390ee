"""How the queue and the ledger stood, every ten seconds of the last week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.sql import statement
from worker.store.database import Database

KEPT = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class QueueSample:
    """The ledger's counts, and by partition the stream's entries and the first one's age in seconds."""

    sampled_at: datetime
    accepted: int
    applied: int
    duplicate: int
    suppressed: int
    dead: int
    pending: int
    entries: Sequence[int]
    age_seconds: Sequence[float]


async def insert_sample(
    database: Database,
    sampled_at: datetime,
    counts: Mapping[str, int],
    entries: Sequence[int],
    age_seconds: Sequence[float],
) -> None:
    """Keep a sample, unless another process took one for this moment."""
    await database.execute(
        statement("insert_queue_sample"), sampled_at, counts["accepted"], counts["applied"], counts["duplicate"],
        counts["suppressed"], counts["dead"], counts["pending"], entries, age_seconds,
    )  # fmt: skip


async def read_samples(database: Database, since: datetime, span: timedelta) -> list[QueueSample]:
    """Read the last sample of each span of time."""
    rows = await database.fetch(statement("read_queue_samples"), since, span)
    return [QueueSample(**dict(row)) for row in rows]


async def forget_old_samples(database: Database, now: datetime) -> None:
    """Forget what is not shown any more."""
    await database.execute(statement("delete_old_samples"), now - KEPT)
