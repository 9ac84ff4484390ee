"""How many partitions there are: `variance:partitions` in Redis, which changes while everything runs.

A hash. `current` is the number by which messages are spread from now on; each number that ever was one stands there
too, as a field with its time. Whoever writes may know of a change late, or never: whoever reads goes through as many
as there were at most, so that nothing is stranded.

Behind those that messages are spread over lie those for bursts. A process of a version that knows none goes only as
far as the numbers that stand in the hash. So how far those for bursts reach is written there too, and nobody writes to
them before it is.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis

from schemas.queue import BURST_PARTITIONS, PARTITIONS

PARTITIONS_KEY = "variance:partitions"
MOST_PARTITIONS = 256
"""More would make each look at all of them slow."""

_CURRENT = b"current"
_FOR_BURSTS = b"bursts"


class Partitions(NamedTuple):
    """The number that messages are spread over now, and how many a reader has to go through, those for bursts too.

    `bursts` are those for bursts; `has_bursts` tells whether they may be written to yet. `ever` are all numbers that
    messages were ever spread over.
    """

    current: int
    most: int
    bursts: range
    has_bursts: bool
    ever: frozenset[int]


def read_partitions(fields: Mapping[bytes, bytes]) -> Partitions:
    """Read the hash, which is empty where the number was never changed; what is no such number there is ignored."""
    current = _number(fields.get(_CURRENT, b"")) or PARTITIONS
    numbers = {number: meaning for field, meaning in fields.items() if (number := _number(field))}
    ever = frozenset({PARTITIONS, current, *(number for number, meaning in numbers.items() if meaning != _FOR_BURSTS)})
    known = max(PARTITIONS, current, *numbers)
    bursts = bursts_behind(current)
    return Partitions(current, max(known, bursts.stop), bursts, known >= bursts.stop, ever)


def bursts_behind(current: int) -> range:
    """Give the partitions for bursts: those behind the others, or the last ones, where there are as many as may be."""
    first = min(current, MOST_PARTITIONS - BURST_PARTITIONS)
    return range(first, first + BURST_PARTITIONS)


def _number(text: bytes) -> int:
    number = int(text) if text.isdigit() and len(text) <= len(str(MOST_PARTITIONS)) else 0
    return number if number <= MOST_PARTITIONS else 0


NEVER_CHANGED = read_partitions({})


async def find_partitions(redis: Redis) -> Partitions:
    """Ask Redis for the number. Raises what is in REDIS_AWAY."""
    return read_partitions(cast("dict[bytes, bytes]", await cast("Any", redis.hgetall(PARTITIONS_KEY))))


async def change_partitions(redis: Redis, current: int) -> None:
    """Spread messages over so many partitions from now on. Raises what is in REDIS_AWAY."""
    fields: dict[Any, Any] = {_CURRENT: str(current), str(current): datetime.now(UTC).isoformat(timespec="seconds")}
    end = bursts_behind(current).stop
    if end not in {current, *(await find_partitions(redis)).ever}:
        fields[str(end)] = _FOR_BURSTS
    await cast("Any", redis.hset(PARTITIONS_KEY, mapping=fields))


async def open_bursts(redis: Redis) -> None:
    """Have bursts written to their partitions, which somebody drains. Raises what is in REDIS_AWAY."""
    found = await find_partitions(redis)
    if not found.has_bursts:
        await cast("Any", redis.hset(PARTITIONS_KEY, mapping={str(found.bursts.stop): _FOR_BURSTS}))
