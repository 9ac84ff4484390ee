"""From decoded JSON to the queue: each message is judged, and written before anything is answered."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from ingest.answers import RefusalError, unavailable
from ingest.connections import Connections
from ingest.group_commit import GroupCommit
from ingest.metrics import Metrics
from ingest.queue_writes import Pair, QueueUnavailableError
from schemas.acceptance import Accepted, Refused, accept
from schemas.connection import PublishedConnection
from schemas.queue import QueuedRefusal, accepted_field, partition_of, refused_field
from schemas.timestamps import write_instant

_JUDGED_AT_ONCE_BYTES = 1_000_000
_LIGHTEST_MESSAGE_BYTES = 5_000
"""What is judged of a batch before other requests get their turn: some milliseconds of work."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Intake:
    """Takes messages in. `max_bytes` bounds what the messages of one request amount to in the queue."""

    def __init__(self, group_commit: GroupCommit, metrics: Metrics, max_bytes: int, connections: Connections) -> None:
        self._group_commit = group_commit
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._connections = connections

    async def take_one(
        self,
        connection: PublishedConnection,
        raw: Any,
        received_at: datetime,
        *,
        call_type: str | None = None,
        from_segment: bool = False,
    ) -> None:
        """Return once the message is in the queue. Raises RefusalError."""
        judged = accept(raw, received_at, call_type=call_type, from_segment=from_segment)
        if isinstance(judged, Refused):
            self._metrics.refused_messages[judged.reason] += 1
            _log.debug("message_refused", connection_id=connection.id, reason=judged.reason)
            raise RefusalError(400, judged.reason, judged.detail)
        await self._queue([self._accepted_pair(connection, judged)])
        self._metrics.accepted_messages += 1

    def pair_at_once(
        self,
        connection: PublishedConnection,
        raw: Any,
        *,
        call_type: str | None = None,
        from_segment: bool = False,
    ) -> Pair | None:
        """Give what is queued of a message received now; None where it is refused."""
        received_at = _this_millisecond(time.time_ns() // 1_000_000)
        judged = accept(raw, received_at, call_type=call_type, from_segment=from_segment)
        return None if isinstance(judged, Refused) else self._accepted_pair(connection, judged)

    async def take_all(
        self,
        connection: PublishedConnection,
        raws: Iterable[Any],
        received_at: datetime,
        *,
        path: str = "$",
        from_segment: bool = False,
    ) -> None:
        """Return once all messages are in the queue, the bad ones as refusals. Raises RefusalError.

        `path` is where the messages stand in the body.
        """
        pairs = []
        size_bytes = judged_bytes = 0
        refusals = []
        for index, raw in enumerate(raws):
            judged = accept(raw, received_at, path=f"{path}[{index}]", from_segment=from_segment)
            if isinstance(judged, Refused):
                refusals.append(judged.reason)
                pair = self._refused_pair(connection, judged, received_at)
            else:
                pair = self._accepted_pair(connection, judged)
            size_bytes += len(pair.value)
            if size_bytes > self._max_bytes:
                message = f"The messages amount to more than {self._max_bytes} bytes"
                raise RefusalError(413, "too_large", message)
            pairs.append(pair)
            judged_bytes += max(len(pair.value), _LIGHTEST_MESSAGE_BYTES)
            if judged_bytes > _JUDGED_AT_ONCE_BYTES:
                judged_bytes = 0
                await asyncio.sleep(0)
        if pairs:
            await self._queue(pairs)
        self._metrics.accepted_messages += len(pairs) - len(refusals)
        if refusals:
            self._metrics.refused_messages.update(refusals)
            _log.debug("messages_refused", connection_id=connection.id, reasons=sorted(set(refusals)))

    async def _queue(self, pairs: Sequence[Pair]) -> None:
        try:
            await self._group_commit.put(pairs)
        except QueueUnavailableError:
            raise queue_refusal() from None

    def _accepted_pair(self, connection: PublishedConnection, message: Accepted) -> Pair:
        partition = partition_of(connection.workspace_id, message.sender, self._connections.partitions)
        return Pair(partition, accepted_field(connection.id, message.message_key), message.body)

    def _refused_pair(self, connection: PublishedConnection, message: Refused, received_at: datetime) -> Pair:
        refusal = QueuedRefusal(message.reason, message.detail, message.body, write_instant(received_at))
        # Its sender may be what is wrong with it; under its own key a repetition of it meets it again.
        partition = partition_of(connection.workspace_id, message.message_key, self._connections.partitions)
        return Pair(partition, refused_field(connection.id, message.message_key), msgspec.json.encode(refusal))


@lru_cache(maxsize=1)  # many posts come in one, and each has to write it
def _this_millisecond(unix_milliseconds: int) -> datetime:
    return datetime.fromtimestamp(unix_milliseconds / 1000, UTC)


def one_by_one(messages: list[Any]) -> Iterator[Any]:
    """Give the messages and keep none: each takes several times its JSON, and the wait for Redis may be long."""
    messages.reverse()
    while messages:
        yield messages.pop()


def queue_refusal() -> RefusalError:
    """Give the refusal for a write that Redis did not confirm."""
    return unavailable("The queue cannot be written to at the moment", code="queue_unavailable")
