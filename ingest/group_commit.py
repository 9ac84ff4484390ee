"""Group commit: requests that arrive together share one write, and each waits until it is on disk.

A flush begins as soon as the one before it has returned; there is no timer. It is one transaction: the
entries, and the counters of what was accepted. A flush whose reply was lost counts as failed: the sender's
repetition of it is recognised by its messageIds.
"""

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias, cast

import hiredis
import structlog
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from ingest.budget import Budget
from ingest.metrics import Metrics
from schemas.crash_points import crash_point
from schemas.queue import ENTRY_MESSAGES, accepted_key, connection_of, stream_key
from schemas.redis_away import REDIS_AWAY

_FLUSH_BYTES = 4 * 1024 * 1024
"""Bytes of messages in one transaction, more only where a single request has more."""

_STUCK_SECONDS = 0.25
"""For how long a write is under way that Redis is taken to be stuck with."""

_COUNT_SECONDS = 0.05
"""For how long it is remembered how much each sender has in hand, where that matters."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Pair(NamedTuple):
    """One message on its way to the queue: where, under which name, and what."""

    partition: int
    field: str
    value: bytes


_Command: TypeAlias = tuple[Any, ...]


class QueueUnavailableError(Exception):
    """Redis did not confirm the write; `cause` is a word for logs and never holds what was to be written."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


Settle: TypeAlias = Callable[[QueueUnavailableError | None], None]
"""Is called once, when the write is on disk (None) or failed. It must not raise."""


class _Write(NamedTuple):
    pairs: Sequence[Pair]
    size_bytes: int
    put_at: float
    settle: Settle


class GroupCommit:
    """Writes to the queue over one connection of its own, which is dropped and remade after any error.

    A pool's pipeline would be shorter, but redis-py's hangs or leaks its connection where Redis freezes.
    """

    def __init__(self, redis_url: str, timeout_seconds: float, metrics: Metrics, budget: Budget) -> None:
        self._connections: ConnectionPool = ConnectionPool.from_url(
            redis_url, lib_name=None, lib_version=None
        )
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._budget = budget
        budget.queued_by = self._bytes_of
        self._connection: AbstractConnection | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._waiting: deque[_Write] = deque()
        self._under_way: Sequence[_Write] = ()
        self._flush_began_at = 0.0
        self._counted: Counter[str] = Counter()
        self._counted_at = 0.0
        self._is_wanted = asyncio.Event()
        self._is_closing = False
        self._is_failing = False

    async def put(self, pairs: Sequence[Pair]) -> None:
        """Return once the pairs are on disk in Redis. Raises QueueUnavailableError, within the time-out.

        Without pairs it tells whether a write would succeed.
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
            await self._flush(self._take())
        await self._drop_connection()

    def posts_under_way(self) -> Counter[str]:
        """Give how many writes of each connection wait or are being written; nothing while Redis does not answer.

        Then all pile up, and nobody floods.
        """
        if self._under_way and time.monotonic() - self._flush_began_at > _STUCK_SECONDS:
            return Counter()
        writes = itertools.chain(self._waiting, self._under_way)
        return Counter(connection_of(write.pairs[0].field) for write in writes if write.pairs)

    def close(self) -> None:
        """Let `flush_until_closed` return once nothing waits."""
        self._is_closing = True
        self._is_wanted.set()

    def _take(self) -> list[_Write]:
        writes = [self._waiting.popleft()]
        size_bytes = writes[0].size_bytes
        while self._waiting and size_bytes + self._waiting[0].size_bytes <= _FLUSH_BYTES:
            write = self._waiting.popleft()
            size_bytes += write.size_bytes
            writes.append(write)
        return writes

    def _bytes_of(self, connection_id: str) -> int:
        """Give how many bytes of a connection wait or are being written, as of a moment ago."""
        now = time.monotonic()
        if now - self._counted_at > _COUNT_SECONDS:
            self._counted_at = now
            self._counted.clear()
            for write in itertools.chain(self._waiting, self._under_way):
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
        try:
            async with asyncio.timeout(writes[0].put_at + self._timeout_seconds - time.monotonic()):
                await self._commit(_commands(pairs))
        except Exception as error:  # noqa: BLE001 (whatever it is, the senders are told and the next flush is tried)
            failure = QueueUnavailableError(_word_for(error))
            await self._drop_connection()
        if pairs:
            crash_point("after_flush")
        self._note(failure, len(pairs))
        self._under_way = ()
        self._budget.used_bytes -= sum([write.size_bytes for write in writes])
        for write in writes:
            write.settle(failure)

    async def _commit(self, commands: list[_Command]) -> None:
        is_fresh = self._connection is None
        try:
            await self._transact(commands)
        except RedisConnectionError:
            if is_fresh:
                raise
            # Redis closed a connection that idled, or was restarted since. The write may even have landed.
            await self._drop_connection()
            await self._transact(commands)

    async def _transact(self, commands: list[_Command]) -> None:
        connection = self._connection or await self._connect()
        packed = b"".join(hiredis.pack_command(command) for command in commands)
        await connection.send_packed_command(packed, check_health=False)
        replies: Any = None
        for _ in commands:
            replies = await connection.read_response(disable_decoding=True)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply

    async def _connect(self) -> AbstractConnection:
        connection = cast("AbstractConnection", self._connections.make_connection())  # type: ignore[no-untyped-call]
        self._connection = connection
        await connection.connect()  # type: ignore[no-untyped-call]
        if connection._writer is not None:  # noqa: SLF001
            self._transport = connection._writer.transport  # noqa: SLF001 (to be aborted: see below)
        # A frozen Redis takes connections: without a sign of life, it would be sent all that comes meanwhile.
        await connection.send_command("PING", check_health=False)
        await connection.read_response()
        return connection

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        transport, self._transport = self._transport, None
        if transport is not None:  # redis-py closes it, but that keeps the rest until a frozen Redis reads it
            transport.abort()
        if connection is not None:
            with suppress(*REDIS_AWAY):
                await connection.disconnect(nowait=True)

    def _note(self, failure: QueueUnavailableError | None, messages: int) -> None:
        if failure is None:
            self._metrics.flush_messages.observe(messages)
            if self._is_failing:
                _log.info("queue_available")
        else:
            self._metrics.failed_flushes += 1
            if not self._is_failing:
                _log.warning("queue_unavailable", cause=failure.cause)
        self._is_failing = failure is not None


def _commands(pairs: Iterable[Pair]) -> list[_Command]:
    """Give the transaction that writes these pairs. A field may be repeated: that is a repeated message."""
    by_partition: dict[int, list[str | bytes]] = {}
    for partition, field, value in pairs:
        words = by_partition.get(partition)
        if words is None:
            words = by_partition[partition] = []
        words.append(field)
        words.append(value)
    commands: list[_Command] = [("MULTI",)]
    words_per_entry = 2 * ENTRY_MESSAGES
    for partition, words in by_partition.items():
        stream = stream_key(partition)
        commands += [
            ("XADD", stream, "*", *words[start : start + words_per_entry])
            for start in range(0, len(words), words_per_entry)
        ]
        commands.append(("INCRBY", accepted_key(partition), len(words) // 2))
    if not by_partition:  # a write that changes nothing
        commands.append(("INCRBY", accepted_key(0), 0))
    commands.append(("EXEC",))
    return commands


def _word_for(error: Exception) -> str:
    """Name an error without its text, in which redis-py repeats the command with the messages."""
    kind = type(error).__name__
    if isinstance(error, ResponseError):
        word = str(error).partition(" ")[0]
        return word if word.isupper() and word.isalpha() else kind
    return kind
