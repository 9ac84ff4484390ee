"""How many partitions there are: `variance:partitions` in Redis, which changes while everything runs.

A hash. `current` is the number by which messages are spread from now on; each number that ever was one stands there
too, as a field with its time. Whoever writes may know of a change late, or never: whoever reads goes through as many
as there were at most, so that nothing is stranded.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from schemas.queue import PARTITIONS

PARTITIONS_KEY = "variance:partitions"
MOST_PARTITIONS = 256
"""More would make each look at all of them slow."""

_CURRENT = "current"


class Partitions(NamedTuple):
    """The number that messages are spread over now, and the largest that there ever was."""

    current: int
    most: int


NEVER_CHANGED = Partitions(PARTITIONS, PARTITIONS)


def read_partitions(fields: Mapping[bytes, bytes]) -> Partitions:
    """Read the hash, which is empty where the number was never changed; what is no such number there is ignored."""
    current = _number(fields.get(_CURRENT.encode(), b"")) or PARTITIONS
    return Partitions(current, max(PARTITIONS, current, *map(_number, fields)))


async def find_partitions(redis: Redis) -> Partitions:
    """Ask Redis for the number. Raises what is in REDIS_AWAY."""
    return read_partitions(cast("dict[bytes, bytes]", await cast("Any", redis.hgetall(PARTITIONS_KEY))))


async def change_partitions(redis: Redis, current: int) -> None:
    """Spread messages over so many partitions from now on. Raises what is in REDIS_AWAY."""
    fields = {_CURRENT: str(current), str(current): datetime.now(UTC).isoformat(timespec="seconds")}
    await cast("Any", redis.hset(PARTITIONS_KEY, mapping=fields))


def _number(text: bytes) -> int:
    number = int(text) if text.isdigit() and len(text) <= len(str(MOST_PARTITIONS)) else 0
    return number if number <= MOST_PARTITIONS else 0
