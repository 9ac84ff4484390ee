"""The lines of a file of messages: NDJSON, plain or gzip, told apart by how it begins."""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

LONGEST_LINE_BYTES = 16 * 1024 * 1024
"""Bytes of a line that are read, as of a body that is posted. Segment's own limit for a message is 32 kB."""

_GZIP_MAGIC = b"\x1f\x8b"
_INFLATED_BYTES = 128 * 1024


class UnreadableFileError(Exception):
    """The file is cut off or corrupt; the text is one line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank: its number in the file from 1, its bytes without the end, whether all are there."""

    number: int
    text: bytes
    is_whole: bool


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """Give the file's lines as they are read. Raises UnreadableFileError after the last that could be."""
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    number = 0
    try:
        stream = _inflated(buffered)
        while text := stream.readline(LONGEST_LINE_BYTES + 1):
            number += 1
            is_whole = len(text) <= LONGEST_LINE_BYTES
            if not is_whole:
                _skip_line(stream, text)
            if text.strip():
                yield Line(number, text.rstrip(b"\r\n") if is_whole else text, is_whole)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = f"it is cut off or corrupt after line {number}: its gzip compression ends there"
        raise UnreadableFileError(message) from error


def _inflated(file: io.BufferedReader) -> io.BufferedReader:
    # A pipe may have shown its first byte only; no JSON begins with that one.
    beginning = file.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)]
    if beginning and _GZIP_MAGIC.startswith(beginning):
        return io.BufferedReader(_Inflated(gzip.GzipFile(fileobj=file)), _INFLATED_BYTES)
    return file


class _Inflated(io.RawIOBase):
    """Gives what is inflated as soon as it is. Python's own buffer loses what it holds when it comes to a cut."""

    def __init__(self, inflating: gzip.GzipFile) -> None:
        self._inflating = inflating

    def readable(self) -> bool:
        """Tell that it is there to be read."""
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override] # what io hands over
        """Read at most as much as there is room for."""
        read = self._inflating.read1(len(buffer))
        buffer[: len(read)] = read
        return len(read)


def _skip_line(stream: io.BufferedReader, text: bytes) -> None:
    while text and not text.endswith(b"\n"):
        text = stream.readline(LONGEST_LINE_BYTES)
