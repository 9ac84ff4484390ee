"""What is written to the queue: messages on their way to it, and the commands that write them."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeAlias, TypeVar

from msgspec import Struct
from redis.exceptions import ResponseError

from ingest.queue_connection import Command
from schemas.queue import ENTRY_MESSAGES, accepted_key, stream_key

FLUSH_BYTES = 4 * 1024 * 1024
"""Bytes of messages in one flush, more only where a single request has more."""

MULTI: Command = ("MULTI",)
"""What a transaction begins with."""


class _Sized(Protocol):
    @property
    def size_bytes(self) -> int: ...


_Write = TypeVar("_Write", bound=_Sized)


class Pair(Struct, frozen=True, gc=False):
    """One message on its way to the queue: where, under which name, and what."""

    partition: int
    field: str
    value: bytes


class QueueUnavailableError(Exception):
    """Redis did not confirm the write; `cause` is a word for logs and never holds what was to be written."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


Settle: TypeAlias = Callable[[QueueUnavailableError | None], None]
"""Is called once, when the write is on disk (None) or failed. It must not raise."""


def take_flush(waiting: deque[_Write]) -> list[_Write]:
    """Take as many of the writes that wait as one flush may have; at least one, which there has to be."""
    writes = [waiting.popleft()]
    size_bytes = writes[0].size_bytes
    while waiting and size_bytes + waiting[0].size_bytes <= FLUSH_BYTES:
        write = waiting.popleft()
        size_bytes += write.size_bytes
        writes.append(write)
    return writes


def by_partition(pairs: Iterable[Pair]) -> dict[int, list[str | bytes]]:
    """Give what is to be written to each partition, as words of its entries."""
    found: dict[int, list[str | bytes]] = {}
    for pair in pairs:
        words = found.get(pair.partition)
        if words is None:
            words = found[pair.partition] = []
        words.append(pair.field)
        words.append(pair.value)
    return found


def transaction(by_partition: Mapping[int, list[str | bytes]]) -> list[Command]:
    """Give the transaction that writes these words. A field may be repeated: that is a repeated message.

    Without words it is a write that changes nothing.
    """
    commands = [MULTI]
    words_per_entry = 2 * ENTRY_MESSAGES
    for partition, words in by_partition.items():
        stream = stream_key(partition)
        commands += [
            ("XADD", stream, "*", *words[start : start + words_per_entry])
            for start in range(0, len(words), words_per_entry)
        ]
        commands.append(("INCRBY", accepted_key(partition), len(words) // 2))
    commands.append(("EXEC",))
    return commands


def making(partition: int) -> list[Command]:
    """Give the commands that make a partition's stream and counter where there are none, and else change nothing.

    The stream gets an entry of the first of all ids and drops it at once: a stream that ever had one refuses that id.
    """
    return [("XADD", stream_key(partition), "MAXLEN", 0, "0-1", "", ""), ("INCRBY", accepted_key(partition), 0)]


def word_for(error: Exception) -> str:
    """Name an error without its text, in which redis-py repeats the command with the messages."""
    kind = type(error).__name__
    if isinstance(error, ResponseError):
        word = str(error).partition(" ")[0]
        return word if word.isupper() and word.isalpha() else kind
    return kind
