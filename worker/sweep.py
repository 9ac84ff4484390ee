"""Wakes a drain for each partition that is not empty, by way of arq, or by itself where arq's Redis is away.

arq's own queue holds wake-ups only. Losing them costs a moment: the sweep looks at every partition several times a
second, and while all are empty it rests until one is not. Where arq has a Redis of its own, and that is away, or Redis
is full, the sweep runs the drains itself.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from arq import ArqRedis

from schemas.redis_away import REDIS_AWAY
from schemas.settings import WorkerSettings
from worker.arq_queue import count_wakeups, does_without_arq, wake
from worker.drain import Drain, Drained
from worker.failure import is_messages_fault
from worker.pause import pause
from worker.serving import Serving
from worker.streams import Streams
from worker.turns import DRAINS_FOR_BURSTS, Turns

_LOG = structlog.get_logger(__name__)
_MOST_WAKEUPS_PER_PARTITION = 2
_ARQ_SECONDS = 0.5
_WITHOUT_ARQ_SECONDS = 1.0
_REST_SECONDS = 0.25
_FAILED_SECONDS = 0.25
_REFUSED_SECONDS = 1.0


@dataclass(slots=True)
class Sweep:
    """Looks at the partitions and has those drained whose turn it is."""

    settings: WorkerSettings
    streams: Streams
    drain: Drain
    stopping: asyncio.Event
    turns: Turns
    serving: Serving
    own_drains: "set[asyncio.Task[None]]" = field(default_factory=set)
    """The drains that run without arq."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever there may be a wake-up to take from arq's queue, and when the process stops."""
    _without_arq_until: float = 0.0

    async def run(self, arq: ArqRedis) -> None:
        """Wake what is not empty, until the process stops."""
        try:
            while not self.stopping.is_set():
                await self._look(arq)
                if not await self._rest():
                    await pause(self.stopping, self.settings.sweep_seconds)
        finally:
            self.woken.set()

    async def _look(self, arq: ArqRedis) -> None:
        self.drain.progress.tell()
        lengths = await self.streams.lengths()
        partitions, now = self.streams.partitions, _now()
        self.turns.look(lengths, partitions.bursts, self.serving.partitions(partitions), now)
        due = self.turns.due(now)
        if due and self._without_arq_until <= now:
            await self._wake_all(arq, due, _MOST_WAKEUPS_PER_PARTITION * len(lengths))
            self.woken.set()
        elif due:
            self._drain_here(due)

    async def _rest(self) -> bool:
        """Rest where nothing waits, until something does, or for a moment; tell whether there was a rest."""
        served = self.serving.partitions(self.streams.partitions)
        watched = range(self.streams.partitions.most) if served is None else served
        if not watched or not self.turns.is_idle:
            return False
        rest_seconds = min(_REST_SECONDS, self.settings.redis_timeout_seconds / 2)
        return await self.streams.wait_for_entries(watched, rest_seconds)

    async def run_drain(self, partition: int) -> None:
        """Drain a partition; whatever goes wrong with the surroundings, the next sweep tries again."""
        if not self.turns.begin(partition, _now()):
            return
        drained: Drained | None = None
        rest_seconds = 0.0
        try:
            drained = await self.drain.drain(partition, lambda: self.turns.pace(partition, _now()))
        except Exception as failure:  # noqa: BLE001 (a drain that fails must not end the worker)
            rest_seconds = self._tell_failure(partition, failure)
        finally:
            self.turns.end(partition, drained, _now(), rest_seconds)
            self.woken.set()

    def _tell_failure(self, partition: int, failure: Exception) -> float:
        """Count and log a failure; give for how many seconds the partition rests."""
        if self.drain.metrics is not None:
            self.drain.metrics.count_failure(failure)
        if is_messages_fault(failure):
            _LOG.error("drain failed", partition=partition, exc_info=failure)
            return _REFUSED_SECONDS
        _LOG.warning("drain will be tried again", partition=partition, failure=type(failure).__name__)
        return _FAILED_SECONDS

    async def _wake_all(self, arq: ArqRedis, due: Sequence[int], most_wakeups: int) -> None:
        now = _now()
        try:
            async with asyncio.timeout(_ARQ_SECONDS if self.settings.is_arq_apart else None):
                # More wake-ups than can be served at once would only grow, and serve the first partitions last.
                if await count_wakeups(self.settings, arq) >= most_wakeups:
                    return
                for partition in due:
                    self.turns.woken(partition, now)
                    await wake(self.settings, arq, partition)
        except REDIS_AWAY as failure:
            if not does_without_arq(self.settings, failure):
                raise
            self.turns.woken_in_vain(due, now)
            _LOG.warning("drains run without arq", failure=type(failure).__name__, seconds=_WITHOUT_ARQ_SECONDS)
            self._without_arq_until = now + _WITHOUT_ARQ_SECONDS

    def _drain_here(self, due: Iterable[int]) -> None:
        """Drain partitions without arq, as many at the same time as it would."""
        for partition in due:
            if len(self.own_drains) >= self.settings.drains_at_once + DRAINS_FOR_BURSTS:
                return
            self.turns.woken(partition, _now())
            drain = asyncio.create_task(self.run_drain(partition))
            self.own_drains.add(drain)
            drain.add_done_callback(self.own_drains.discard)


def _now() -> float:
    return asyncio.get_running_loop().time()
