"""A request's body: read whole within bounds of time and size, inflated, and parsed."""

import asyncio
import zlib
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ingest.answers import RefusalError, unavailable
from schemas.tolerant_json import UnreadableJsonError, read_json

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31
_ZLIB_WINDOW_BITS = 15
_RAW_DEFLATE_WINDOW_BITS = -15
_INFLATED_AT_ONCE_BYTES = 4096
"""Compressed bytes that are inflated on the event loop: at worst 4 MiB come of them, in milliseconds."""


class BodyReader:
    """Reads bodies of at most `max_bytes`, compressed and inflated, that arrive within `timeout_seconds`."""

    def __init__(self, max_bytes: int, timeout_seconds: float) -> None:
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds

    async def read(self, request: web.Request) -> bytes:
        """Give the body as it was before any compression. Raises RefusalError."""
        body = await self._read_whole(request)
        if len(body) > self._max_bytes:
            raise self._too_large()
        if not body:
            raise RefusalError(400, "empty_body", "The body is empty")
        encoding = request.headers.get("Content-Encoding")
        if encoding is None and not body.startswith(_GZIP_MAGIC):
            return body
        return await self._inflated(body, encoding or "")

    def at_once(self, body: bytes) -> Any:
        """Give the value of a body that is there. Raises RefusalError where it is not a plain one."""
        if len(body) > self._max_bytes or body.startswith(_GZIP_MAGIC):
            raise RefusalError(400, "unreadable_body", "The body is to be read in full first")
        return parse(body)

    async def _read_whole(self, request: web.Request) -> bytes:
        if (request.content_length or 0) > self._max_bytes:
            raise self._too_large()
        content = request.content
        try:
            if content.is_eof():  # a small body comes with its headers, and needs no time-out
                return content.read_nowait()
            async with asyncio.timeout(self._timeout_seconds):
                return await self._collect(content)
        except TimeoutError:
            message = f"The body did not arrive within {self._timeout_seconds:g} seconds"
            raise unavailable(message, code="slow_body", closes=True) from None
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError):
            raise RefusalError(400, "incomplete_body", "The body was cut off", closes=True) from None

    async def _collect(self, content: StreamReader) -> bytes:
        chunks = []
        size_bytes = 0
        while chunk := await content.readany():
            size_bytes += len(chunk)
            if size_bytes > self._max_bytes:
                raise self._too_large()
            chunks.append(chunk)
        return b"".join(chunks)

    async def _inflated(self, body: bytes, encoding: str) -> bytes:
        encoding = encoding.strip().lower()
        if encoding in ("gzip", "x-gzip") or body.startswith(_GZIP_MAGIC):
            window_bits = _GZIP_WINDOW_BITS
        elif encoding == "deflate":
            is_zlib = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
            window_bits = _ZLIB_WINDOW_BITS if is_zlib else _RAW_DEFLATE_WINDOW_BITS
        elif encoding in ("", "identity"):
            return body
        else:
            message = "Content-Encoding must be gzip, deflate or identity"
            raise RefusalError(400, "unreadable_body", message)
        if len(body) <= _INFLATED_AT_ONCE_BYTES:
            return self._inflate(body, window_bits)
        return await asyncio.to_thread(self._inflate, body, window_bits)

    def _inflate(self, body: bytes, window_bits: int) -> bytes:
        inflater = zlib.decompressobj(window_bits)
        try:
            inflated = inflater.decompress(body, self._max_bytes + 1)
        except zlib.error:
            raise RefusalError(400, "unreadable_body", "The compressed body is corrupt") from None
        if len(inflated) > self._max_bytes:
            raise self._too_large()
        if not inflater.eof:
            raise RefusalError(400, "unreadable_body", "The compressed body is truncated")
        if inflater.unused_data.strip(b"\0"):
            raise RefusalError(400, "unreadable_body", "Bytes follow the end of the compressed body")
        return inflated

    def _too_large(self) -> RefusalError:
        return RefusalError(413, "too_large", f"The body is larger than {self._max_bytes} bytes")


def parse(body: bytes) -> Any:
    """Read the body's JSON. Raises RefusalError."""
    try:
        return read_json(body)
    except UnreadableJsonError as error:
        raise RefusalError(400, "invalid_json", f"The body is {error}") from None
