"""Cutting lines into what one transaction applies."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.queue import QueuedMessage
from worker.importing.judged_lines import judge_line
from worker.importing.lines import Line, UnreadableFileError

CHUNK_MESSAGES = 1000
CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """The messages of one transaction, and the number of the last line among them."""

    messages: list[QueuedMessage]
    last_line: int


def cut_chunks(lines: Iterable[Line], connection_id: str) -> Iterator[Chunk]:
    """Judge lines and give them in chunks. Raises UnreadableFileError after the lines that could be read."""
    messages: list[QueuedMessage] = []
    size_bytes = last_line = 0
    unreadable: UnreadableFileError | None = None
    try:
        for line in lines:
            messages.append(judge_line(line, connection_id, datetime.now(UTC)))
            size_bytes += len(messages[-1].value)
            last_line = line.number
            if len(messages) >= CHUNK_MESSAGES or size_bytes >= CHUNK_BYTES:
                yield Chunk(messages, last_line)
                messages, size_bytes = [], 0
    except UnreadableFileError as error:
        unreadable = error
    if messages:
        yield Chunk(messages, last_line)
    if unreadable is not None:
        raise unreadable
