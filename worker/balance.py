"""The ledger's balance: every accepted message is applied, a duplicate, suppressed, dead, or still pending.

Redis counts what is accepted, in the transaction that queues it; Postgres what became of it, in the transaction that
applies it. They are read one after the other, so a reading counts as one moment only where both were the same before
and after it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from worker.queue_reading import QueuedPartition, QueueReading
from worker.store.database import Database
from worker.store.status import LedgerRow, read_ledger
from worker.tally import Tally

_PAUSES_SECONDS = (0.0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
_NOTHING_YET = LedgerRow(0, Tally())


@dataclass(frozen=True, slots=True)
class Balance:
    """Messages by what became of them: `accepted` is the sum of the others.

    `is_balanced` is false where what should be pending is not what stands in the queue, as far as the queue had to be
    counted for that. `queue` is what was read of Redis.
    """

    accepted: int
    applied: int
    duplicate: int
    suppressed: int
    dead: int
    pending: int
    is_balanced: bool
    queue: Sequence[QueuedPartition]

    def counts(self) -> dict[str, int]:
        """Give the six counts by name."""
        counts = asdict(self)
        del counts["is_balanced"], counts["queue"]
        return counts


@dataclass(frozen=True, slots=True)
class _Reading:
    """Both sides before, the messages counted in the streams that raised doubts, and both sides after."""

    ledger: Mapping[int, LedgerRow]
    queue: Sequence[QueuedPartition]
    counted: Mapping[int, int]
    queue_after: Sequence[QueuedPartition]
    ledger_after: Mapping[int, LedgerRow]

    def is_quiet(self, partition: int) -> bool:
        """Tell whether the partition's reading is that of one moment."""
        if partition >= len(self.queue_after):  # Redis was emptied
            return False
        before, after = self.queue[partition], self.queue_after[partition]
        is_same = (before.accepted, before.entries) == (after.accepted, after.entries)
        return is_same and self.ledger.get(partition) == self.ledger_after.get(partition)

    def expected(self, partition: int) -> int:
        """Give how many of the partition's messages should be pending."""
        return _expected(self.ledger, self.queue, partition)

    def pending(self, partition: int) -> int:
        """Give how many are: where Redis was emptied, and forgot what it accepted, those that it holds."""
        is_known = partition in self.counted and (self.is_quiet(partition) or self.expected(partition) < 0)
        return max(self.expected(partition), self.counted[partition] if is_known else 0)

    def adds_up(self, partition: int) -> bool:
        """Tell whether what should be pending stands in the queue."""
        if partition not in self.counted or not self.is_quiet(partition):
            return self.expected(partition) >= 0
        return self.expected(partition) == self.counted[partition]


async def read_balance(database: Database, queue: QueueReading) -> Balance:
    """Read the balance, at one moment if there is one within a few tries."""
    for pause_seconds in _PAUSES_SECONDS:
        await asyncio.sleep(pause_seconds)
        reading = await _read(database, queue)
        if all(map(reading.is_quiet, range(len(reading.queue)))):
            break
    return _balance(reading)


async def _read(database: Database, queue: QueueReading) -> _Reading:
    ledger = await read_ledger(database)
    partitions = await queue.partitions()
    doubtful = [number for number in range(len(partitions)) if _is_doubtful(ledger, partitions, number)]
    counted = dict.fromkeys(doubtful, 0) | Counter([
        waiting.partition
        async for waiting in queue.messages(doubtful)
        if waiting.entry_id not in ledger.get(waiting.partition, _NOTHING_YET).settled_entries
    ])  # fmt: skip
    after = await queue.partitions() if doubtful else partitions
    return _Reading(ledger, partitions, counted, after, await read_ledger(database))


def _is_doubtful(ledger: Mapping[int, LedgerRow], queue: Sequence[QueuedPartition], partition: int) -> bool:
    """Tell whether the stream has to be counted: it should be empty and is not, or is and should not be."""
    expected = _expected(ledger, queue, partition)
    return expected < 0 or (expected == 0) != (queue[partition].entries == 0)


def _expected(ledger: Mapping[int, LedgerRow], queue: Sequence[QueuedPartition], partition: int) -> int:
    return queue[partition].accepted - ledger.get(partition, _NOTHING_YET).tally.total


def _balance(reading: _Reading) -> Balance:
    tally = sum((row.tally for row in reading.ledger.values()), Tally())
    numbers = range(len(reading.queue))
    pending = sum(map(reading.pending, numbers))
    # What came past the queue was accepted and settled at once.
    beside = [row for partition, row in reading.ledger.items() if partition not in numbers]
    return Balance(
        accepted=tally.total + pending,
        applied=tally.applied,
        duplicate=tally.duplicate,
        suppressed=tally.suppressed,
        dead=tally.dead,
        pending=pending,
        is_balanced=all(row.accepted == row.tally.total for row in beside)
        and all(map(reading.adds_up, numbers)),
        queue=reading.queue,
    )
