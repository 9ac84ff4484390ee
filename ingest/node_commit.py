"""Group commit to one server of a cluster: a flush is a transaction for each partition, sent and answered together."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError

from ingest.metrics import Metrics
from ingest.queue_connection import Command, QueueConnection
from ingest.queue_writes import (
    MULTI,
    QueueUnavailableError,
    Settle,
    making,
    take_flush,
    transaction,
    word_for,
)
from schemas.cluster_map import transaction_error
from schemas.crash_points import crash_point

_AVAILABLE_AFTER_SECONDS = 1.0
_ASKING = ("ASKING",)

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Part(NamedTuple):
    """What a write has for one partition; `tries` is how often a server has sent it elsewhere."""

    partition: int
    words: list[str | bytes]
    put_at: float
    settle: Settle
    is_asking: bool = False
    tries: int = 0

    @property
    def size_bytes(self) -> int:
        """What its messages' JSON takes."""
        return sum([len(value) for value in self.words[1::2]])


class NodeCommit:
    """Writes to one server over one connection, as long as it is open, from its first part on."""

    def __init__(  # noqa: PLR0913 (the server, and whom to tell what)
        self,
        address: str,
        connection: QueueConnection,
        *,
        timeout_seconds: float,
        metrics: Metrics,
        on_refused: Callable[[Part, Exception, str], QueueUnavailableError | None],
        on_failure: Callable[[], None],
    ) -> None:
        self._address = address
        self._connection = connection
        self._timeout_seconds = timeout_seconds
        self._metrics = metrics
        self._on_refused = on_refused
        self._on_failure = on_failure
        self._waiting: deque[Part] = deque()
        self._is_wanted = asyncio.Event()
        self._is_closing = False
        self._failed_at: float | None = None
        self._task = asyncio.create_task(self._flush_until_closed())

    def put(self, part: Part) -> None:
        """Write a part; its `settle` is called."""
        self._waiting.append(part)
        self._is_wanted.set()

    def put_first(self, part: Part) -> None:
        """Write a part before all others, since it has waited elsewhere."""
        self._waiting.appendleft(part)
        self._is_wanted.set()

    async def close(self) -> None:
        """Return once all that was put is settled, and the connection is closed."""
        self._is_closing = True
        self._is_wanted.set()
        await self._task

    async def _flush_until_closed(self) -> None:
        while self._waiting or not self._is_closing:
            if not self._waiting:
                self._is_wanted.clear()
                await self._is_wanted.wait()
                continue
            await self._flush(take_flush(self._waiting))
        await self._connection.drop()

    async def _flush(self, parts: Sequence[Part]) -> None:
        together: dict[tuple[int, bool], list[Part]] = {}
        for part in parts:
            together.setdefault((part.partition, part.is_asking), []).append(part)
        transactions = [_commands_of(its_parts) for its_parts in together.values()]
        messages = sum([len(part.words) // 2 for part in parts])
        if messages:
            crash_point("before_flush")
        began_at = time.monotonic()
        try:
            # What was sent elsewhere first has waited long already, and is not to hurry those that it comes before.
            begun_at = next((part.put_at for part in parts if not part.tries), time.monotonic())
            async with asyncio.timeout(begun_at + self._timeout_seconds - time.monotonic()):
                verdicts = await self._commit(transactions)
        except Exception as error:  # noqa: BLE001 (whatever it is, the senders are told and the next flush is tried)
            await self._connection.drop()
            failure = QueueUnavailableError(word_for(error))
            self._note(failure, messages, time.monotonic() - began_at)
            self._on_failure()
            for part in parts:
                part.settle(failure)
            return
        if messages:
            crash_point("after_flush")
        seconds = time.monotonic() - began_at
        failures: list[QueueUnavailableError | None] = [None]
        for its_parts, verdict in zip(together.values(), verdicts, strict=True):
            for part in its_parts:
                if verdict is None:
                    part.settle(None)
                else:
                    failures.append(self._on_refused(part, verdict, self._address))
        self._note(next(filter(None, failures), None), messages, seconds)

    async def _commit(self, transactions: Sequence[Sequence[Command]]) -> list[Exception | None]:
        is_fresh = not self._connection.is_open
        try:
            return await self._transact(transactions)
        except RedisConnectionError:
            if is_fresh:
                raise
            # Redis closed a connection that idled, or was restarted since. The write may even have landed.
            await self._connection.drop()
            return await self._transact(transactions)

    async def _transact(self, transactions: Sequence[Sequence[Command]]) -> list[Exception | None]:
        if not self._connection.is_open:
            await self._connection.open()
        replies = await self._connection.exchange([command for commands in transactions for command in commands])
        verdicts = []
        start = 0
        for commands in transactions:
            end = start + len(commands)
            verdicts.append(transaction_error(replies[start + commands.index(MULTI) : end]))
            start = end
        return verdicts

    def _note(self, failure: QueueUnavailableError | None, messages: int, seconds: float) -> None:
        if failure is not None:
            self._metrics.failed_flushes += 1
            if self._failed_at is None:
                _log.warning("queue_unavailable", server=self._address, cause=failure.cause)
            self._failed_at = time.monotonic()
            return
        self._metrics.flush_messages.observe(messages)
        self._metrics.flush_seconds.observe(seconds)
        # It may refuse some partitions and take others: that is one failure, not many.
        if self._failed_at is not None and time.monotonic() - self._failed_at > _AVAILABLE_AFTER_SECONDS:
            _log.info("queue_available", server=self._address)
            self._failed_at = None


def _commands_of(parts: Sequence[Part]) -> list[Command]:
    """Give the transaction that writes parts of one partition, which are asked for in the same way.

    A server that is asked has all of its keys, unless nobody has: then they are made first, each by itself, since a
    slot that is on its way takes no transaction of several keys that do not exist.
    """
    words = parts[0].words if len(parts) == 1 else [word for part in parts for word in part.words]
    commands = transaction({parts[0].partition: words})
    if not parts[0].is_asking:
        return commands
    made = [command for one in making(parts[0].partition) for command in (_ASKING, one)]
    return [*made, _ASKING, *commands]
