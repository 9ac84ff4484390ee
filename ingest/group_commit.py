"""Group commit: requests that arrive together share one write, and each waits until it is on disk.

A flush begins as soon as the one before it has returned; there is no timer. It is one transaction: the
entries, and the counters of what was accepted. A flush whose reply was lost counts as failed: the sender's
repetition of it is recognised by its messageIds. Where Redis turns out to be a cluster, each of its servers gets
flushes of its own.
"""

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError

from ingest.budget import Budget
from ingest.cluster_commit import ClusterCommit
from ingest.metrics import Metrics
from ingest.queue_connection import Command, QueueConnection
from ingest.queue_writes import (
    Pair,
    QueueUnavailableError,
    Settle,
    by_partition,
    take_flush,
    transaction,
    word_for,
)
from schemas.cluster_map import ClusterMap
from schemas.crash_points import crash_point
from schemas.queue import connection_of
from schemas.redis_addresses import server_urls
from schemas.redis_client import NotAClusterError

_STUCK_SECONDS = 0.25
"""For how long a write is under way that Redis is taken to be stuck with."""

_COUNT_SECONDS = 0.05
"""For how long it is remembered how much each poster has in hand, where that matters."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class _Write(NamedTuple):
    pairs: Sequence[Pair]
    size_bytes: int
    put_at: float
    settle: Settle


class _ClusterError(Exception):
    """The server belongs to a cluster."""

    def __init__(self, cluster: ClusterMap) -> None:
        self.cluster = cluster
        super().__init__()


class GroupCommit:
    """Writes to the queue over one connection of its own; to a cluster, over one to each server."""

    def __init__(self, redis_url: str, timeout_seconds: float, metrics: Metrics, budget: Budget) -> None:
        """Raise ValueError for a URL that redis-py cannot read."""
        self._redis_url = redis_url
        self._seeds = deque(QueueConnection(url) for url in server_urls(redis_url))
        self._connection = self._seeds[0]
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._budget = budget
        budget.queued_by = self._bytes_of
        self._cluster: ClusterCommit | None = None
        self._waiting: deque[_Write] = deque()
        self._handed_on: dict[int, _Write] = {}
        """What the cluster's servers have in hand."""
        self._under_way: Sequence[_Write] = ()
        self._flush_began_at = 0.0
        self._counted: Counter[str] = Counter()
        self._counted_at = 0.0
        self._is_wanted = asyncio.Event()
        self._is_closing = False
        self._is_failing = False

    async def put(self, pairs: Sequence[Pair]) -> None:
        """Return once the pairs are on disk in Redis. Raises QueueUnavailableError, within the time-out.

        Without pairs it tells whether a write would succeed; in a cluster, on one of its servers at least.
        """
        done = asyncio.get_running_loop().create_future()

        def settle(failure: QueueUnavailableError | None) -> None:
            if done.done():  # who put it has given up
                return
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)

        self.put_then(pairs, settle)
        await done

    def put_then(self, pairs: Sequence[Pair], settle: Settle) -> None:
        """Put pairs of one connection, and be told by a call. Raises RefusalError where too much waits already."""
        size_bytes = sum([len(pair.value) for pair in pairs])
        budget = self._budget
        if 2 * (budget.used_bytes + size_bytes) > budget.max_bytes and pairs:
            budget.check(connection_of(pairs[0].field), size_bytes)
        self._waiting.append(_Write(pairs, size_bytes, time.monotonic(), settle))
        budget.used_bytes += size_bytes
        self._is_wanted.set()

    async def flush_until_closed(self) -> None:
        """Flush whatever is put, until `close`; what was put before is still flushed."""
        while self._waiting or not self._is_closing:
            if not self._waiting:
                self._is_wanted.clear()
                await self._is_wanted.wait()
                continue
            writes = take_flush(self._waiting)
            if self._cluster is None:
                await self._flush(writes)
            else:
                self._hand_on(self._cluster, writes)
        if self._cluster is not None:
            await self._cluster.close()
        await self._connection.drop()

    def posts_under_way(self) -> Counter[str]:
        """Give how many writes of each connection wait or are being written; nothing while Redis does not answer.

        Then all pile up, and nobody floods. So it is while one server of a cluster does not.
        """
        now = time.monotonic()
        if self._under_way and now - self._flush_began_at > _STUCK_SECONDS:
            return Counter()
        oldest = next(iter(self._handed_on.values()), None)
        if oldest is not None and now - oldest.put_at > _STUCK_SECONDS:
            return Counter()
        return Counter(connection_of(write.pairs[0].field) for write in self._in_hand() if write.pairs)

    def close(self) -> None:
        """Let `flush_until_closed` return once nothing waits."""
        self._is_closing = True
        self._is_wanted.set()

    def _in_hand(self) -> Iterator[_Write]:
        """Give what waits or is being written, in a cluster by one of its servers."""
        return itertools.chain(self._waiting, self._under_way, self._handed_on.values())

    def _bytes_of(self, connection_id: str) -> int:
        """Give how many bytes of a connection wait or are being written, as of a moment ago."""
        now = time.monotonic()
        if now - self._counted_at > _COUNT_SECONDS:
            self._counted_at = now
            self._counted.clear()
            for write in self._in_hand():
                if write.pairs:
                    self._counted[connection_of(write.pairs[0].field)] += write.size_bytes
        return self._counted[connection_id]

    async def _flush(self, writes: list[_Write]) -> None:
        pairs = [pair for write in writes for pair in write.pairs]
        self._under_way = writes
        self._flush_began_at = time.monotonic()
        failure: QueueUnavailableError | None = None
        if pairs:
            crash_point("before_flush")
        began_at = time.monotonic()
        try:
            async with asyncio.timeout(writes[0].put_at + self._timeout_seconds - time.monotonic()):
                await self._commit(transaction(by_partition(pairs) or {0: []}))
        except _ClusterError as found:
            await self._connection.drop()
            self._cluster = ClusterCommit(self._redis_url, found.cluster, self._timeout_seconds, self._metrics)
            self._under_way = ()
            self._hand_on(self._cluster, writes)
            return
        except Exception as error:  # noqa: BLE001 (whatever it is, the senders are told and the next flush is tried)
            failure = QueueUnavailableError(word_for(error))
            await self._connection.drop()
            self._seeds.rotate()  # so that one that is frozen does not take the time of all flushes
        if pairs:
            crash_point("after_flush")
        self._note(failure, len(pairs), time.monotonic() - began_at)
        self._under_way = ()
        self._budget.used_bytes -= sum([write.size_bytes for write in writes])
        for write in writes:
            write.settle(failure)

    def _hand_on(self, cluster: ClusterCommit, writes: list[_Write]) -> None:
        for write in writes:
            self._handed_on[id(write)] = write
            cluster.put(write.pairs, write.put_at, write.settle, partial(self._let_go, write))

    def _let_go(self, write: _Write) -> None:
        del self._handed_on[id(write)]
        self._budget.used_bytes -= write.size_bytes

    async def _commit(self, commands: list[Command]) -> None:
        is_fresh = not self._connection.is_open
        try:
            await self._transact(commands)
        except RedisConnectionError:
            if is_fresh:
                raise
            # Redis closed a connection that idled, or was restarted since. The write may even have landed.
            await self._connection.drop()
            await self._transact(commands)

    async def _transact(self, commands: list[Command]) -> None:
        if not self._connection.is_open:
            await self._connect()
        await self._connection.transact(commands)

    async def _connect(self) -> None:
        """Connect to the server that is named; where several are, to the first that takes a connection."""
        for number, seed in enumerate(list(self._seeds), start=1):
            self._connection = seed
            try:
                cluster = await seed.open()
            except (RedisConnectionError, OSError):
                if number == len(self._seeds):
                    raise
                await seed.drop()
                continue
            if cluster is not None:
                raise _ClusterError(cluster)
            if len(self._seeds) > 1:
                raise NotAClusterError("several servers are named that are no cluster")
            return

    def _note(self, failure: QueueUnavailableError | None, messages: int, seconds: float) -> None:
        if failure is None:
            self._metrics.flush_messages.observe(messages)
            self._metrics.flush_seconds.observe(seconds)
            if self._is_failing:
                _log.info("queue_available")
        else:
            self._metrics.failed_flushes += 1
            if not self._is_failing:
                _log.warning("queue_unavailable", cause=failure.cause)
        self._is_failing = failure is not None
