"""What waits in Redis: the counters and the heads of all partitions at one moment, and the messages themselves."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis

from schemas.partitions import find_partitions
from schemas.queue import QueuedMessage, accepted_key, removed_key, stream_key
from schemas.redis_client import Command
from schemas.redis_commands import run_all
from worker.entry import read_entry

_FIRST_READ = 8
_MOST_ENTRIES_A_READ = 1000
_FULL_READ_BYTES = 4 * 1024 * 1024


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
        """Read all partitions at one moment; of a cluster, as close to it as may be."""
        numbers = range((await find_partitions(self._redis)).most)
        commands = [command for number in numbers for command in _look_at(number)]
        (seconds, microseconds), *replies = await _run(self._redis, [("TIME",), *commands])
        now_seconds = seconds + microseconds / 1e6
        return [
            QueuedPartition(int(accepted or 0), int(removed or 0), entries, _age_seconds(head, now_seconds))
            for accepted, removed, entries, head in zip(*[iter(replies)] * 4, strict=True)
        ]

    async def all_messages(self) -> AsyncIterator[Waiting]:
        """Give the messages of all partitions."""
        numbers = range((await find_partitions(self._redis)).most)
        async for waiting in self.messages(numbers):
            yield waiting

    async def messages(self, partitions: Iterable[int], until: str = "+") -> AsyncIterator[Waiting]:
        """Give the messages that stand in these partitions' streams, the oldest first, up to the entry `until`."""
        for partition in partitions:
            start, entries = "-", _FIRST_READ
            while rows := await self._redis.execute_command(  # type: ignore[no-untyped-call]
                "XRANGE", stream_key(partition), start, until, "COUNT", entries
            ):
                size_bytes = 0
                for row in rows:
                    entry = read_entry(row)
                    size_bytes += entry.size_bytes
                    for message in entry.messages:
                        yield Waiting(partition, entry.id, message)
                start = f"({rows[-1][0].decode()}"
                # An entry may hold a byte or many megabytes.
                is_full = size_bytes > _FULL_READ_BYTES
                entries = max(1, entries // 2) if is_full else min(2 * entries, _MOST_ENTRIES_A_READ)


def _look_at(partition: int) -> list[Command]:
    return [
        ("GET", accepted_key(partition)),
        ("GET", removed_key(partition)),
        ("XLEN", stream_key(partition)),
        ("XRANGE", stream_key(partition), "-", "+", "COUNT", 1),
    ]


async def _run(redis: Redis, commands: Sequence[Command]) -> list[Any]:
    """Run commands, of which none may fail: half of the queue is no reading."""
    replies = await run_all(redis, commands, at_one_moment=True)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _age_seconds(head: Any, now_seconds: float) -> float | None:
    if not head:
        return None
    milliseconds = int(head[0][0].partition(b"-")[0])
    return round(max(0.0, now_seconds - milliseconds / 1000), 3)
