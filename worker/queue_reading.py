"""What waits in Redis: the counters and the heads of all partitions at one moment, and the messages themselves."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis

from schemas.queue import PARTITIONS, QueuedMessage, accepted_key, read_pair, removed_key, stream_key

_ENTRIES_A_READ = 100


@dataclass(frozen=True, slots=True)
class QueuedPartition:
    """A partition in Redis: messages ever accepted and ever removed, entries that wait, age of the first of them."""

    accepted: int
    removed: int
    entries: int
    oldest_message_age_seconds: float | None


class Waiting(NamedTuple):
    """A message in the queue, and where it stands."""

    partition: int
    entry_id: str
    message: QueuedMessage


class QueueReading:
    """Reads the queue over a client, which it takes over."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        # redis-py would make a dict of an entry's pairs, and lose a repeated message.
        redis.set_response_callback("XRANGE", lambda response, **_options: response)

    async def partitions(self) -> list[QueuedPartition]:
        """Read all partitions at one moment."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.time()
            for partition in range(PARTITIONS):
                pipeline.get(accepted_key(partition))
                pipeline.get(removed_key(partition))
                pipeline.xlen(stream_key(partition))
                pipeline.execute_command("XRANGE", stream_key(partition), "-", "+", "COUNT", 1)
            (seconds, microseconds), *replies = await pipeline.execute()
        now_seconds = seconds + microseconds / 1e6
        return [
            QueuedPartition(int(accepted or 0), int(removed or 0), entries, _age_seconds(head, now_seconds))
            for accepted, removed, entries, head in zip(*[iter(replies)] * 4, strict=True)
        ]

    async def messages(self, partitions: Iterable[int]) -> AsyncIterator[Waiting]:
        """Give the messages that stand in these partitions' streams, the oldest first."""
        for partition in partitions:
            start = "-"
            while rows := await self._redis.execute_command(  # type: ignore[no-untyped-call]
                "XRANGE", stream_key(partition), start, "+", "COUNT", _ENTRIES_A_READ
            ):
                for entry_id, fields in rows:
                    for field, value in zip(fields[::2], fields[1::2], strict=True):
                        yield Waiting(partition, entry_id.decode(), read_pair(field, value))
                start = f"({rows[-1][0].decode()}"


def _age_seconds(head: Any, now_seconds: float) -> float | None:
    if not head:
        return None
    milliseconds = int(head[0][0].partition(b"-")[0])
    return round(max(0.0, now_seconds - milliseconds / 1000), 3)
