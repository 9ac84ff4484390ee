"""From decoded JSON to the queue: each message is judged, and written before anything is answered."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import structlog

from ingest.answers import RefusalError, unavailable
from ingest.bursts import Bursts
from ingest.connections import Connections
from ingest.group_commit import GroupCommit
from ingest.metrics import Metrics
from ingest.queue_writes import Pair, QueueUnavailableError
from schemas.acceptance import Accepted, Refused, accept
from schemas.connection import PublishedConnection
from schemas.queue import QueuedRefusal, accepted_field, refused_field, spread, spread_burst
from schemas.reasons import Reason
from schemas.timestamps import write_instant
from schemas.tracing import Tracing

_JUDGED_AT_ONCE_BYTES = 1_000_000
_LIGHTEST_MESSAGE_BYTES = 5_000
"""What is judged of a batch before other requests get their turn: some milliseconds of work."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class _Said(msgspec.Struct, frozen=True, gc=False):
    """A message before it has its partition: by whom it counts as sent, under which name it is queued, and what."""

    sender: str
    field: str
    value: bytes


class Intake:
    """Takes messages in. `max_bytes` bounds what the messages of one request amount to in the queue."""

    def __init__(  # noqa: PLR0913 (a part each)
        self,
        group_commit: GroupCommit,
        metrics: Metrics,
        connections: Connections,
        bursts: Bursts,
        *,
        max_bytes: int,
        tracing: Tracing | None = None,
    ) -> None:
        self._group_commit = group_commit
        self._metrics = metrics
        self._connections = connections
        self._bursts = bursts
        self._max_bytes = max_bytes
        self._tracing = tracing

    def judge_one(
        self,
        connection: PublishedConnection,
        raw: Any,
        received_at: datetime,
        *,
        call_type: str | None = None,
        from_segment: bool = False,
    ) -> "Judged":
        """Give what is queued of the message. Raises RefusalError."""
        judged = accept(raw, received_at, call_type=call_type, from_segment=from_segment)
        if isinstance(judged, Refused):
            self._metrics.refused_messages[judged.reason] += 1
            _log.debug("message_refused", connection_id=connection.id, reason=judged.reason)
            raise RefusalError(400, judged.reason, judged.detail)
        return Judged(self._pairs(connection, [_accepted(connection, judged)]), received_at)

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
        return None if isinstance(judged, Refused) else self._pairs(connection, (_accepted(connection, judged),))[0]

    async def judge_all(
        self,
        connection: PublishedConnection,
        raws: Iterable[Any],
        received_at: datetime,
        *,
        path: str = "$",
        from_segment: bool = False,
    ) -> "Judged":
        """Give what is queued of all messages, of the bad ones as refusals. Raises RefusalError.

        `path` is where the messages stand in the body.
        """
        said: list[_Said] = []
        size_bytes = judged_bytes = 0
        refusals = []
        for index, raw in enumerate(raws):
            judged = accept(raw, received_at, from_segment=from_segment)
            if isinstance(judged, Refused):
                refusals.append(judged.reason)
                message = _refused(connection, judged.under(f"{path}[{index}]"), received_at)
            else:
                message = _accepted(connection, judged)
            said.append(message)
            size_bytes += len(message.value)
            if size_bytes > self._max_bytes:
                raise RefusalError(413, "too_large", f"The messages amount to more than {self._max_bytes} bytes")
            judged_bytes += max(len(message.value), _LIGHTEST_MESSAGE_BYTES)
            if judged_bytes > _JUDGED_AT_ONCE_BYTES:
                judged_bytes = 0
                await asyncio.sleep(0)
        if refusals:
            _log.debug("messages_refused", connection_id=connection.id, reasons=sorted(set(refusals)))
        return Judged(self._pairs(connection, said), received_at, refusals)

    async def queue(self, judged: "Judged") -> None:
        """Return once all of it is in the queue. Raises RefusalError."""
        if judged.pairs:
            try:
                await self._group_commit.put(judged.pairs)
            except QueueUnavailableError:
                raise queue_refusal() from None
            if self._tracing is not None:
                self._tracing.queued([pair.field for pair in judged.pairs], judged.received_at.timestamp())
        self._metrics.accepted_messages += len(judged.pairs) - len(judged.refusals)
        self._metrics.refused_messages.update(judged.refusals)

    def _pairs(self, connection: PublishedConnection, said: Sequence[_Said]) -> list[Pair]:
        """Give messages their partitions, all of one request by the same rule."""
        workspace_id, partitions = connection.workspace_id, self._connections.partitions
        senders = [message.sender for message in said]
        if self._bursts.take(workspace_id, time.monotonic(), len(said)) and partitions.has_bursts:
            self._metrics.burst_messages += len(said)
            places = spread_burst(workspace_id, senders, partitions.bursts.start)
        else:
            places = spread(workspace_id, senders, partitions.current)
        return [Pair(place, message.field, message.value) for place, message in zip(places, said, strict=True)]


def _accepted(connection: PublishedConnection, message: Accepted) -> _Said:
    return _Said(message.sender, accepted_field(connection.id, message.message_key), message.body)


def _refused(connection: PublishedConnection, message: Refused, received_at: datetime) -> _Said:
    refusal = QueuedRefusal(message.reason, message.detail, message.body, write_instant(received_at))
    # Its sender may be what is wrong with it; under its own key a repetition of it meets it again.
    key = message.message_key
    return _Said(key, refused_field(connection.id, key), msgspec.json.encode(refusal))


class Judged(NamedTuple):
    """What is queued of a request, when that came, and the reasons of the refusals in it."""

    pairs: Sequence[Pair]
    received_at: datetime
    refusals: Sequence[Reason] = ()


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
