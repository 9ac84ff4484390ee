"""Whether the queue has room: posts are turned away before Redis is full, for senders to keep."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ingest.answers import unavailable
from ingest.metrics import Metrics
from schemas.queue import PARTITIONS, accepted_key, removed_key, stream_key
from schemas.redis_away import REDIS_AWAY

_POLL_SECONDS = 1.0
_RETRY_AFTER_SECONDS = 5
_COUNTERS = [key(partition) for key in (accepted_key, removed_key) for partition in range(PARTITIONS)]

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Pressure:
    """Watches the memory of Redis and the number of messages in the queue."""

    def __init__(
        self, redis: Redis, metrics: Metrics, *, max_memory_ratio: float, max_queued_messages: int
    ) -> None:
        self._redis = redis
        self._metrics = metrics
        self._max_memory_ratio = max_memory_ratio
        self._max_queued_messages = max_queued_messages
        self._is_closed = asyncio.Event()
        self.excess: str | None = None
        """What is above its bound, in words; None where there is room."""

    def check(self) -> None:
        """Raise RefusalError where the queue has no room."""
        if self.excess is not None:
            raise unavailable(self.excess, code="overloaded", retry_after_seconds=_RETRY_AFTER_SECONDS)

    async def watch(self) -> None:
        """Measure once a second, until `close`. While Redis is away the last measurement stands."""
        while not self._is_closed.is_set():
            try:
                excess = await self.measure()
            except REDIS_AWAY as error:
                _log.debug("pressure_unknown", error=type(error).__name__)
            else:
                if (excess is None) != (self.excess is None):
                    _log.warning("pressure_changed", excess=excess)
                self.excess = excess
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._is_closed.wait()

    def close(self) -> None:
        """Let `watch` return."""
        self._is_closed.set()

    async def measure(self) -> str | None:
        """Give what is above its bound. Raises what is in REDIS_AWAY."""
        queued_messages = await self._queued_messages()
        self._metrics.queued_messages = queued_messages
        if queued_messages > self._max_queued_messages:
            return f"More than {self._max_queued_messages} messages are waiting"
        if await self._memory_ratio() > self._max_memory_ratio:
            return f"More than {self._max_memory_ratio:.0%} of Redis' memory is in use"
        return None

    async def _queued_messages(self) -> int:
        counts = [int(count or 0) for count in await cast("Any", self._redis.mget(_COUNTERS))]
        waiting = sum(counts[:PARTITIONS]) - sum(counts[PARTITIONS:])
        # The counters disagree with the streams after either server was emptied or restored.
        entries = await self._entries()
        return waiting if waiting >= entries > 0 else entries

    async def _entries(self) -> int:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for partition in range(PARTITIONS):
                pipeline.xlen(stream_key(partition))
            return sum(await pipeline.execute())

    async def _memory_ratio(self) -> float:
        try:
            memory = cast("dict[str, Any]", await self._redis.info("memory"))
        except ResponseError:  # forbidden to this user: then the flush meets the bound
            return 0.0
        # Without `maxmemory` the machine's own memory is the bound, beyond which the kernel kills Redis.
        bound_bytes = int(memory.get("maxmemory") or memory.get("total_system_memory") or 0)
        return int(memory["used_memory"]) / bound_bytes if bound_bytes else 0.0
