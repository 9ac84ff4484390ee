"""The queue's layout in Redis: which partition a message lies in, and how an entry is written and read.

A partition is one stream. An entry holds as many messages as one write had for it, as pairs: the field names the
connection and the message, the value is the message's JSON. A field may be repeated, within an entry and between
entries: that is a repeated message. `:` between connection and messageId marks an accepted message, `!` a refused
one, whose value is JSON of a QueuedRefusal.
"""

import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from schemas.reasons import Reason

PARTITIONS = 16
"""Streams, unless another number was set: see `schemas/partitions.py`."""

FEWEST_PARTITIONS_PER_WORKSPACE = 4
"""One workspace's messages lie in a quarter of the partitions, and in so many at least.

Few, because a drain writes workspace by workspace; more where there are more, or a workspace alone could not use them.
"""

BURST_PARTITIONS = 8
"""Partitions for bursts, of which a workspace's lies in as many as its other messages do."""

ENTRY_MESSAGES = 100
"""Messages in one entry, at most, so that a reader can bound what it takes."""

_FIELD = re.compile(r"([A-Za-z0-9_-]+)([:!])(.*)", re.DOTALL)


class QueuedRefusal(msgspec.Struct, frozen=True):
    """A refused message on its way to the dead letters."""

    reason: Reason
    detail: str
    body: str
    received_at: str


class QueuedMessage(NamedTuple):
    """One pair of an entry: the connection's id, the message's key, whether it was accepted, and its JSON."""

    connection_id: str
    message_key: str
    is_accepted: bool
    value: bytes

    @property
    def field(self) -> str:
        """Its name in an entry."""
        name = accepted_field if self.is_accepted else refused_field
        return name(self.connection_id, self.message_key)


def stream_key(partition: int) -> str:
    """Give the stream of a partition. The hash tag lets partitions live on a Redis Cluster's nodes."""
    return f"variance:{{p{partition:02d}}}"


def accepted_key(partition: int) -> str:
    """Give the counter of messages ever written to the partition's stream."""
    return f"{stream_key(partition)}:accepted"


def removed_key(partition: int) -> str:
    """Give the counter of messages ever removed from the partition's stream, after they were applied."""
    return f"{stream_key(partition)}:removed"


def attempts_key(partition: int) -> str:
    """Give the hash of what processes have begun with the partition, and not come to an end with."""
    return f"{stream_key(partition)}:attempts"


def spread(workspace_id: int, senders: Iterable[str], partitions: int = PARTITIONS) -> list[int]:
    """Give the partition of each sender's messages: one sender's lie in one, a workspace's in some neighbours."""
    places = _places_of(workspace_id, partitions)
    width = len(places)
    return [places[zlib.crc32(sender.encode()) % width] for sender in senders]


def spread_burst(workspace_id: int, senders: Iterable[str], first: int) -> list[int]:
    """Give the partition of each sender's messages in a burst, of those from the first on that are for bursts."""
    return [first + place for place in spread(workspace_id, senders, BURST_PARTITIONS)]


def partitions_of(workspace_id: int, partitions: int) -> set[int]:
    """Give the partitions that a workspace's messages lie in, whoever sends them."""
    return set(_places_of(workspace_id, partitions))


@lru_cache(maxsize=4096)
def _places_of(workspace_id: int, partitions: int) -> tuple[int, ...]:
    """Give the partitions that a workspace's senders are spread over, some of them twice where there are few."""
    first = zlib.crc32(str(workspace_id).encode())
    width = max(FEWEST_PARTITIONS_PER_WORKSPACE, partitions // 4)
    return tuple((first + number) % partitions for number in range(width))


def accepted_field(connection_id: str, message_key: str) -> str:
    """Name an accepted message in an entry."""
    return f"{connection_id}:{message_key}"


def refused_field(connection_id: str, message_key: str) -> str:
    """Name a refused message in an entry."""
    return f"{connection_id}!{message_key}"


def connection_of(field: str) -> str:
    """Give the connection's id in a field that was named here."""
    return field[: min(at for mark in ":!" if (at := field.find(mark)) >= 0)]


def read_pair(field: bytes, value: bytes) -> QueuedMessage:
    """Read one pair of an entry. Raises ValueError for a field that none of our processes wrote."""
    match = _FIELD.fullmatch(field.decode())
    if match is None:
        message = "a stream entry has a field that names no connection and message"
        raise ValueError(message)
    connection_id, mark, key = match.groups()
    return QueuedMessage(connection_id, key, mark == ":", value)
