"""Cutting lines into what one transaction applies."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.queue import QueuedMessage
from worker.importing.judged_lines import UnaddressedLineError, judge_line
from worker.importing.lines import Line, UnreadableFileError

CHUNK_MESSAGES = 1000
CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """The messages of one transaction, and the number of the last line among them."""

    messages: list[QueuedMessage]
    last_line: int


def cut_chunks(
    lines: Iterable[Line], connection_id: str | None, named: Mapping[str, str] | None = None
) -> Iterator[Chunk]:
    """Judge lines, as `judge_line` does, and give them in chunks.

    Raises UnreadableFileError or UnaddressedLineError after the lines that could be judged.
    """
    messages: list[QueuedMessage] = []
    size_bytes = last_line = 0
    failure: UnreadableFileError | UnaddressedLineError | None = None
    try:
        for line in lines:
            messages.append(judge_line(line, connection_id, datetime.now(UTC), named))
            size_bytes += len(messages[-1].value)
            last_line = line.number
            if len(messages) >= CHUNK_MESSAGES or size_bytes >= CHUNK_BYTES:
                yield Chunk(messages, last_line)
                messages, size_bytes = [], 0
    except (UnreadableFileError, UnaddressedLineError) as error:
        failure = error
    if messages:
        yield Chunk(messages, last_line)
    if failure is not None:
        raise failure
