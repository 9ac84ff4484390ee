"""Drains a partition: what waits in its stream goes through Postgres in one transaction, then leaves the stream.

A crash anywhere repeats a read and nothing else: the log ignores what it has, and the ledger remembers which
entries the last commit settled, so that they are not counted again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import asyncpg
import structlog

from schemas.crash_points import crash_point
from schemas.queue import QueuedMessage
from schemas.tracing import Tracing
from worker.attempts import Attempt, Attempts
from worker.batch import bury_deadly, settle_messages
from worker.drain_metrics import DrainMetrics
from worker.drain_notes import DrainNotes, noting
from worker.progress_log import ProgressLog
from worker.store.database import Database
from worker.store.ledger import lock_partition, read_settled_entries, settle_entries
from worker.streams import Streams
from worker.tally import Tally

_LOG = structlog.get_logger(__name__)

TURN_SECONDS = 5.0
"""How long one drain goes on at most with a partition that does not become empty."""


class Drained(Enum):
    """How a drain ended."""

    EMPTY = "empty"
    """Nothing waited any more but what had just come."""
    BUSY = "busy"
    UNFINISHED = "unfinished"


class Pace(NamedTuple):
    """How long a turn may last, and how many of the usual messages a transaction takes."""

    turn_seconds: float = TURN_SECONDS
    part: float = 1.0


class _Taken(NamedTuple):
    ids: list[str]
    settled: int
    tally: Tally
    fresh: Sequence[QueuedMessage]
    is_full: bool


@dataclass(frozen=True, slots=True)
class Drain:
    """What a drain needs: the servers, how many messages make a transaction, and whether it is time to stop."""

    streams: Streams
    pool: asyncpg.Pool
    most_messages: int
    is_stopping: Callable[[], bool]
    attempts: Attempts
    metrics: DrainMetrics | None = None
    tracing: Tracing | None = None
    progress: ProgressLog = field(default_factory=ProgressLog)
    bounds: dict[int, int] = field(default_factory=dict)
    """Messages a transaction, for partitions where more of them took too long."""

    async def drain(self, partition: int, pace: Callable[[], Pace] = Pace) -> Drained:
        """Drain a partition until it is empty, somebody else has it, its turn is over, or the process stops.

        The pace is asked for before each transaction, since others come and go meanwhile.

        Raises what is the surroundings' fault; nothing is lost by it, and whoever drains next begins anew.
        """
        turn_began_at = time.monotonic()
        is_full = True
        while not self.is_stopping():
            turn_seconds, part = pace()
            if time.monotonic() - turn_began_at >= turn_seconds:
                break
            bound = self.bounds.get(partition, self.most_messages)
            began_at = time.time()
            with noting() as notes:
                try:
                    taken = await self._take(partition, max(1, int(bound * part)), notes)
                except (asyncpg.QueryCanceledError, TimeoutError, asyncio.CancelledError):  # the last by arq's limit
                    if notes.messages:
                        self.bounds[partition] = max(1, min(bound, notes.messages) // 2)
                    raise
            self.bounds[partition] = min(bound * 2, self.most_messages)
            if not isinstance(taken, _Taken):
                return taken
            is_full = taken.is_full
            notes.lap("commit")
            crash_point("after_commit")
            await self.streams.remove(partition, taken.ids, taken.settled)
            crash_point("after_remove")
            notes.lap("remove")
            self._tell(partition, taken.tally, notes)
            if self.tracing is not None:
                self.tracing.settled([message.field for message in taken.fresh], began_at, partition)
        # Where a single message took the whole turn, as on a busy machine, there is no backlog yet.
        return Drained.UNFINISHED if is_full else Drained.EMPTY

    async def _take(self, partition: int, most_messages: int, notes: DrainNotes) -> _Taken | Drained:
        async with self.pool.acquire() as database, database.transaction():
            notes.lap("connect")
            if not await lock_partition(database, partition):
                return Drained.BUSY
            entries = await self.streams.read_head(partition, most_messages)
            if not entries:
                return Drained.EMPTY
            notes.messages = sum(len(entry.messages) for entry in entries)
            is_full = self.streams.are_full(entries, most_messages)
            crash_point("after_read")
            before = await read_settled_entries(database, partition)
            notes.lap("read")
            async with self.attempts.begin(partition, entries[0].id, entries[-1].id) as attempt:
                if attempt.is_suspect:
                    entries, is_full = entries[:1], True
                fresh = [message for entry in entries if entry.id not in before for message in entry.messages]
                tally = await _settle(database, fresh, attempt) if fresh else Tally()
            notes.lap("apply")
            ids = [entry.id for entry in entries]
            # Entries of the last commit that still stand here may have others behind them that do, too.
            remembered = ids if before.isdisjoint(ids) else sorted(before.union(ids))
            settled = await settle_entries(database, partition, tally, remembered)
            notes.lap("settle")
            crash_point("before_commit")
        return _Taken(ids, settled, tally, fresh, is_full)

    def _tell(self, partition: int, tally: Tally, notes: DrainNotes) -> None:
        """Count and log what a drain did: a few numbers, however many messages it had."""
        if self.metrics is not None:
            self.metrics.observe(tally, notes)
        self.progress.add(tally)
        _LOG.debug(
            "partition drained",
            partition=partition,
            applied=tally.applied,
            duplicate=tally.duplicate,
            suppressed=tally.suppressed,
            dead=tally.dead,
            seconds=round(sum(notes.seconds.values()), 6),
        )


async def _settle(database: Database, fresh: Sequence[QueuedMessage], attempt: Attempt) -> Tally:
    """Settle messages together; one by one where a process was killed over them."""
    if not attempt.is_suspect:
        return await settle_messages(database, fresh)
    tally = Tally()
    for message in fresh:
        is_fit = await attempt.begin_alone(message.field)
        tally += await (settle_messages(database, [message]) if is_fit else bury_deadly(database, message))
    return tally
