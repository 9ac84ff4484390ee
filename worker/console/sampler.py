"""What the console keeps an eye on while nobody looks: what arrives, how the queue stands, and who has new words."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import structlog
from redis.asyncio import Redis

from worker.balance import read_balance
from worker.console.word_reading import read_words
from worker.failure import SERVERS_AWAY
from worker.pause import pause
from worker.queue_reading import QueueReading
from worker.store.arrivals import count_arrivals, forget_old_arrivals
from worker.store.queue_samples import forget_old_samples, insert_sample
from worker.store.tail import summarize_positions

_LOG = structlog.get_logger(__name__)

SAMPLE_SECONDS = 10.0
_COUNT_SECONDS = 1.0
_WORDS_SECONDS = 1.0
_TIDY_SECONDS = 600.0
_SUMMARIZE_SECONDS = 10.0
_COUNT_POSITIONS = 20_000
_FAILED_SECONDS = 5.0


class Sampler:
    """Counts and samples until it is stopped; what fails is tried again."""

    def __init__(self, pool: asyncpg.Pool, redis: Redis) -> None:
        self._pool = pool
        self._queue = QueueReading(redis)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run until stop()."""
        await asyncio.gather(
            self._again_and_again(self.count, _COUNT_SECONDS),
            self._again_and_again(self._read_words, _WORDS_SECONDS),
            self._again_and_again(self.sample, SAMPLE_SECONDS),
            self._again_and_again(self._summarize, _SUMMARIZE_SECONDS),
            self._again_and_again(self._tidy, _TIDY_SECONDS),
        )

    def stop(self) -> None:
        """End run()."""
        self._stopping.set()

    async def count(self) -> None:
        """Count what has arrived."""
        async with self._pool.acquire() as database:
            while await count_arrivals(database, _COUNT_POSITIONS, datetime.now(UTC)):
                if self._stopping.is_set():
                    return

    async def sample(self) -> None:
        """Keep how the queue and the ledger stand."""
        async with self._pool.acquire() as database:
            balance = await read_balance(database, self._queue)
            now = datetime.now(UTC)
            sampled_at = now.replace(second=now.second // 10 * 10, microsecond=0)
            await insert_sample(
                database,
                sampled_at,
                balance.counts(),
                [partition.entries for partition in balance.queue],
                [partition.oldest_message_age_seconds or 0.0 for partition in balance.queue],
            )

    async def _read_words(self) -> None:
        await read_words(self._pool, self._stopping)

    async def _summarize(self) -> None:
        async with self._pool.acquire() as database:
            await summarize_positions(database)

    async def _tidy(self) -> None:
        now = datetime.now(UTC)
        async with self._pool.acquire() as database:
            await forget_old_arrivals(database, now)
            await forget_old_samples(database, now)

    async def _again_and_again(self, work: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
        while not self._stopping.is_set():
            wait_seconds = max(pause_seconds, _FAILED_SECONDS)
            try:
                await work()
                wait_seconds = pause_seconds
            except SERVERS_AWAY as failure:
                _LOG.warning("sampling will be tried again", failure=type(failure).__name__)
            except Exception as failure:  # noqa: BLE001 (ours to mend; of its text nothing, which people may have sent)
                _LOG.error("sampling will be tried again", failure=type(failure).__name__)
            await pause(self._stopping, wait_seconds)
