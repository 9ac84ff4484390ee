"""Whether the queue has room: posts are turned away before Redis is full, for senders to keep."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ingest.answers import unavailable
from ingest.metrics import Metrics
from schemas.partitions import NEVER_CHANGED, PARTITIONS_KEY, read_partitions
from schemas.queue import accepted_key, removed_key, stream_key
from schemas.redis_away import REDIS_AWAY
from schemas.redis_client import RedisClient
from schemas.redis_commands import run_all

_POLL_SECONDS = 1.0
_RETRY_AFTER_SECONDS = 5

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Pressure:
    """Watches the memory of Redis and the number of messages in the queue; of a cluster, on what servers answer."""

    def __init__(
        self, redis: RedisClient, metrics: Metrics, *, max_memory_ratio: float, max_queued_messages: int
    ) -> None:
        self._redis = redis
        self._metrics = metrics
        self._max_memory_ratio = max_memory_ratio
        self._max_queued_messages = max_queued_messages
        self._partitions = NEVER_CHANGED.most
        self._is_closed = asyncio.Event()
        self.excess: str | None = None
        """What is above its bound, in words; None where there is room."""

    def check(self) -> None:
        """Raise RefusalError where the queue has no room."""
        if self.excess is not None:
            raise unavailable(self.excess, code="overloaded", retry_after_seconds=_RETRY_AFTER_SECONDS)

    async def watch(self) -> None:
        """Measure once a second, until `close`. While that cannot be done the last measurement stands."""
        while not self._is_closed.is_set():
            try:
                excess = await self.measure()
            except REDIS_AWAY as error:
                _log.debug("pressure_unknown", error=type(error).__name__)
            except Exception:  # noqa: BLE001 (somebody may have written to our keys, and will be told by the log)
                _log.exception("pressure_unknown")
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
        numbers = range(self._partitions)
        commands = [
            command
            for number in numbers
            for command in (("GET", accepted_key(number)), ("GET", removed_key(number)), ("XLEN", stream_key(number)))
        ]
        fields, *replies = await run_all(self._redis, [("HGETALL", PARTITIONS_KEY), *commands])
        if not isinstance(fields, Exception):
            self._partitions = max(self._partitions, read_partitions(fields).most)  # from the next look on
        waiting = all_entries = 0
        for accepted, removed, entries in zip(*[iter(replies)] * 3, strict=True):
            if not any(isinstance(reply, Exception) for reply in (accepted, removed, entries)):
                waiting += int(accepted or 0) - int(removed or 0)
                all_entries += entries
        # The counters disagree with the streams after either server was emptied or restored.
        return waiting if waiting >= all_entries > 0 else all_entries

    async def _memory_ratio(self) -> float:
        """Give the share of its memory that the fullest server uses."""
        failure: BaseException | None = None
        ratios = []
        for server in (await self._redis.masters()).values():
            try:
                ratios.append(await _memory_ratio(server))
            except REDIS_AWAY as error:
                failure = error
        if failure is not None and not ratios:
            raise failure
        return max(ratios, default=0.0)


async def _memory_ratio(server: Redis) -> float:
    try:
        memory = cast("dict[str, Any]", await server.info("memory"))
    except ResponseError:  # forbidden to this user: then the flush meets the bound
        return 0.0
    # Without `maxmemory` the machine's own memory is the bound, beyond which the kernel kills Redis.
    bound_bytes = int(memory.get("maxmemory") or memory.get("total_system_memory") or 0)
    return int(memory["used_memory"]) / bound_bytes if bound_bytes else 0.0
