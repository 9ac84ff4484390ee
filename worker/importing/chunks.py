"""Gathering messages into what one transaction applies.

A sender's messages are gathered together, in one of some chunks that fill side by side: a transaction then has more
messages of fewer people, each of whom it looks up and writes once, and two transactions seldom want the same people.
"""

import zlib
from dataclasses import dataclass, field

from schemas.queue import QueuedMessage
from worker.importing.judged_lines import JudgedLine

CHUNK_MESSAGES = 2000
CHUNK_BYTES = 8 * 1024 * 1024
_SIDE_BY_SIDE = 32


@dataclass(slots=True)
class Chunk:
    """The messages of one transaction, and the number of the first line among them."""

    first_line: int
    messages: list[QueuedMessage] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it is as much as a transaction should take."""
        return len(self.messages) >= CHUNK_MESSAGES or self.size_bytes >= CHUNK_BYTES


class Gathering:
    """The chunks that are not full yet."""

    def __init__(self) -> None:
        self._chunks: dict[int, Chunk] = {}

    def add(self, judged: JudgedLine) -> Chunk | None:
        """Add a message; give the chunk that is full by it."""
        number = zlib.crc32(judged.sender.encode(errors="surrogatepass")) % _SIDE_BY_SIDE
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = Chunk(judged.line_number)
        chunk.messages.append(judged.message)
        chunk.size_bytes += len(judged.message.value)
        return self._chunks.pop(number) if chunk.is_full else None

    def take(self) -> list[Chunk]:
        """Give the chunks as they are, and begin anew."""
        chunks = list(self._chunks.values())
        self._chunks.clear()
        return chunks

    def first_line(self) -> int | None:
        """Give the number of the first line that is still gathered here."""
        return min((chunk.first_line for chunk in self._chunks.values()), default=None)
