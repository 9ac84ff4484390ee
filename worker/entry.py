"""One entry of a partition's stream, as Redis gives it."""

from dataclasses import dataclass
from typing import Any

from schemas.queue import QueuedMessage, read_pair


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream."""

    id: str
    messages: list[QueuedMessage]

    @property
    def size_bytes(self) -> int:
        """What its messages' JSON takes."""
        return sum(len(message.value) for message in self.messages)


def read_entry(row: Any) -> Entry:
    """Read an entry, whoever wrote it."""
    id_, fields = row[0].decode(), row[1]
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return Entry(id_, [_message(id_, number, field, value) for number, (field, value) in enumerate(pairs)])


def _message(entry_id: str, number: int, field: bytes, value: bytes) -> QueuedMessage:
    try:
        return read_pair(field, value)
    except ValueError:  # not ours: it becomes a dead letter of no connection instead of standing in the way
        return QueuedMessage("unknown", f"{entry_id}-{number}", is_accepted=True, value=value)
