"""Reading and clearing the partitions' streams."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from redis.exceptions import NoPermissionError, ResponseError

from schemas.partitions import NEVER_CHANGED, PARTITIONS_KEY, read_partitions
from schemas.queue import removed_key, stream_key
from schemas.redis_client import RedisClient
from schemas.redis_commands import run_all
from worker.entry import Entry, read_entry

_FIRST_READ = 4
_MOST_ENTRIES_A_READ = 500
_MOST_BYTES = 16 * 1024 * 1024


class Streams:
    """The partitions' streams, on the Redis of a client that it takes over."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self.partitions = NEVER_CHANGED
        """As of the last look; `most` is what it ever was."""
        self._may_wait = True
        # redis-py would make a dict of an entry's pairs, and lose a repeated message.
        for command in ("XRANGE", "XREAD"):
            redis.set_response_callback(command, lambda response, **_options: response)

    async def wait_for_entries(self, partitions: Iterable[int], seconds: float) -> bool:
        """Return as soon as an entry waits in one of these partitions, or after so many seconds.

        False, and at once, where Redis does not wait: in a cluster, whose servers would all have to be asked, and for
        a user who may not use XREAD.
        """
        if not self._may_wait or await self._redis.is_cluster():
            return False
        streams = [stream_key(partition) for partition in partitions]
        try:
            await self._redis.execute_command(
                "XREAD", "COUNT", 1, "BLOCK", max(1, int(seconds * 1000)), "STREAMS", *streams, *["0"] * len(streams)
            )
        except NoPermissionError:
            self._may_wait = False
            return False
        return True

    async def lengths(self) -> list[int]:
        """Give how many entries wait in each partition; none in those of a cluster's server that is away."""
        streams = [("XLEN", stream_key(partition)) for partition in range(self.partitions.most)]
        fields, *lengths = await run_all(self._redis, [("HGETALL", PARTITIONS_KEY), *streams])
        if not isinstance(fields, Exception):
            found = read_partitions(fields)
            self.partitions = found._replace(most=max(self.partitions.most, found.most))  # from the next look on
        return [0 if isinstance(length, Exception) else length for length in lengths]

    async def read_head(self, partition: int, most_messages: int) -> list[Entry]:
        """Read from the head as many entries as fit one transaction; at least one, if there is one.

        Reading always begins at the head: a remembered position could lie beyond entries that a server with a
        slower clock wrote.
        """
        entries: list[Entry] = []
        messages = size_bytes = 0
        start = "-"
        while True:
            count = _entries_to_read(entries, messages, size_bytes, most_messages)
            rows = await self._redis.execute_command(
                "XRANGE", stream_key(partition), start, "+", "COUNT", count
            )
            for row in rows:
                entry = read_entry(row)
                entries.append(entry)
                messages += len(entry.messages)
                size_bytes += entry.size_bytes
                if messages >= most_messages or size_bytes >= _MOST_BYTES:
                    return entries
            if len(rows) < count:
                return entries
            start = f"({entries[-1].id}"

    @staticmethod
    def are_full(entries: Sequence[Entry], most_messages: int) -> bool:
        """Tell whether entries are as many as fit one transaction, so that others may wait behind them."""
        messages = sum(len(entry.messages) for entry in entries)
        return messages >= most_messages or sum(entry.size_bytes for entry in entries) >= _MOST_BYTES

    async def remove(self, partition: int, ids: Sequence[str], settled: int) -> None:
        """Remove settled entries, and say how many messages the partition has settled in all.

        The first frees memory and the second takes some, which a full Redis refuses: so each is by itself.
        """
        await self._redis.xdel(stream_key(partition), *ids)
        with suppress(ResponseError):
            await self._redis.set(removed_key(partition), settled)


def _entries_to_read(entries: Sequence[Entry], messages: int, size_bytes: int, most_messages: int) -> int:
    """Give how many entries to ask for, by what those before took: an entry may hold a byte or many megabytes."""
    if not entries:
        return _FIRST_READ
    mean_bytes = max(1, size_bytes // len(entries))
    mean_messages = max(1, messages // len(entries))
    fitting = min((_MOST_BYTES - size_bytes) // mean_bytes, (most_messages - messages) // mean_messages)
    return max(1, min(fitting, _MOST_ENTRIES_A_READ))
