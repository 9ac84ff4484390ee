"""What the console tells Prometheus: the queue, the ledger, the dead letters and the alarms, of the whole system.

Whoever reaches the console reads this without signing in, as `/health/live`: there are counts in it and no names.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg
from aiohttp import web
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.exposition import HEADERS, exposition_of
from schemas.redis_client import RedisClient
from schemas.settings import AlarmSettings
from worker.alarms import CODES, Alarm, alarms_of
from worker.balance import Balance, read_balance
from worker.failure import POSTGRES_AWAY, SERVERS_AWAY
from worker.queue_reading import QueuedPartition, QueueReading
from worker.signs import read_signs
from worker.store.dead_letters import count_dead_letters

_READ_AT_MOST_EVERY_SECONDS = 5.0
_POSTGRES_SECONDS = 2.5  # Prometheus gives up after ten, and Redis has its time-outs too


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read at one moment; None stands for what could not be."""

    queue: Sequence[QueuedPartition] | None
    balance: Balance | None
    dead_letters: Mapping[str, int] | None
    alarms: Sequence[Alarm]


class QueueMetrics:
    """Reads on demand and answers; the reading of some seconds ago is as good as a new one."""

    def __init__(self, pool: asyncpg.Pool, redis: RedisClient, arq: RedisClient | None, bounds: AlarmSettings) -> None:
        """Give what it reads: `arq` is arq's Redis, where it is another."""
        self._pool = pool
        self._redis = redis
        self._arq = arq
        self._bounds = bounds
        self._lock = asyncio.Lock()
        self._text = b""
        self._read_again_at = float("-inf")

    async def answer(self) -> web.Response:
        """Answer `GET /metrics`, whatever server is away."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now >= self._read_again_at:
                self._text = exposition_of(_Told(await self._read()))
                self._read_again_at = now + _READ_AT_MOST_EVERY_SECONDS
        return web.Response(body=self._text, headers=HEADERS)

    async def _read(self) -> Reading:
        reading = QueueReading(self._redis)
        queue = balance = deaths = None
        async with AsyncExitStack() as stack:
            database = None
            try:
                async with asyncio.timeout(_POSTGRES_SECONDS):
                    database = await stack.enter_async_context(self._pool.acquire())
                    deaths = {row["reason"]: row["letters"] for row in await count_dead_letters(database)}
            except POSTGRES_AWAY:
                database = None
            try:
                queue = await reading.partitions()
                if database is not None:
                    balance = await read_balance(database, reading)
            except SERVERS_AWAY:
                balance = None  # what was read of the queue is still told
            is_balanced = balance.is_balanced if balance else None
            signs = await read_signs(database, self._redis, self._arq, queue, is_balanced=is_balanced)
        return Reading(queue, balance, deaths, alarms_of(signs, self._bounds))


class _Told(Collector):
    """A reading, in the form that Prometheus' client asks for."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        """Give every number."""
        reading = self._reading
        if reading.queue is not None:
            yield from _of_queue(reading.queue)
        if reading.balance is not None:
            ledger = GaugeMetricFamily(
                "variance_ledger_messages", "Messages ever accepted, by what became of them.", labels=["outcome"]
            )
            for outcome, count in reading.balance.counts().items():
                if outcome != "accepted":  # the sum of the others
                    ledger.add_metric([outcome], count)
            yield ledger
        if reading.dead_letters is not None:
            letters = GaugeMetricFamily(
                "variance_dead_letters_waiting", "Dead letters that nobody has replayed or discarded.",
                labels=["reason"],
            )  # fmt: skip
            for reason, count in reading.dead_letters.items():
                letters.add_metric([reason], count)
            yield letters
        raised = {alarm.code for alarm in reading.alarms}
        alarms = GaugeMetricFamily("variance_alarm", "1 where somebody should look, else 0.", labels=["code"])
        for code in CODES:
            alarms.add_metric([code], int(code in raised))
        yield alarms


def _of_queue(queue: Sequence[QueuedPartition]) -> Iterator[Metric]:
    entries = GaugeMetricFamily("variance_queue_entries", "Stream entries that wait.", labels=["partition"])
    age = GaugeMetricFamily(
        "variance_queue_oldest_age_seconds", "How long the oldest message has waited; 0 where none waits.",
        labels=["partition"],
    )  # fmt: skip
    for number, partition in enumerate(queue):
        entries.add_metric([f"p{number:02d}"], partition.entries)
        age.add_metric([f"p{number:02d}"], partition.oldest_message_age_seconds or 0.0)
    yield entries
    yield age
