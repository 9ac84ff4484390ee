"""A request's body: read whole within bounds of time and size, inflated, and parsed."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ingest.answers import RefusalError, unavailable
from ingest.budget import Budget, Hold
from ingest.heavy_bodies import HEAVY_BYTES, HeavyBodies
from schemas.tolerant_json import UnreadableJsonError, read_json

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31
_ZLIB_WINDOW_BITS = 15
_RAW_DEFLATE_WINDOW_BITS = -15


class BodyReader:
    """Reads bodies of at most `max_bytes`, compressed and inflated, that arrive within `timeout_seconds`."""

    def __init__(self, max_bytes: int, timeout_seconds: float, budget: Budget) -> None:
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds
        self._budget = budget
        self._heavy = HeavyBodies()

    @asynccontextmanager
    async def read(self, request: web.Request, poster: str) -> AsyncIterator[bytes]:
        """Give the body as it was before any compression; its bytes are the poster's until the block ends.

        Raises RefusalError.
        """
        async with AsyncExitStack() as stack:
            hold = stack.enter_context(self._budget.hold(poster))
            body = await self._read_whole(request, hold)
            if len(body) > self._max_bytes:
                raise self._too_large()
            if not body:
                raise RefusalError(400, "empty_body", "The body is empty")
            window_bits = _window_bits(request.headers.get("Content-Encoding"), body)
            is_heavy = len(body) > HEAVY_BYTES or (window_bits is not None and _inflates_to_much(body, window_bits))
            if is_heavy:
                await stack.enter_async_context(self._heavy.turn(poster))
            if window_bits is not None:
                inflate = partial(self._inflate, body, window_bits)
                body = await asyncio.to_thread(inflate) if is_heavy else inflate()
                hold.take(len(body))
            yield body

    def at_once(self, body: bytes) -> Any:
        """Give the value of a body that is there. Raises RefusalError where it is not a plain one."""
        if len(body) > self._max_bytes or body.startswith(_GZIP_MAGIC):
            raise RefusalError(400, "unreadable_body", "The body is to be read in full first")
        return parse(body)

    async def _read_whole(self, request: web.Request, hold: Hold) -> bytes:
        if (request.content_length or 0) > self._max_bytes:
            raise self._too_large()
        content = request.content
        try:
            if content.is_eof():  # a small body comes with its headers, and needs no time-out
                body = content.read_nowait()
                hold.take(len(body))
                return body
            async with asyncio.timeout(self._timeout_seconds):
                return await self._collect(content, hold)
        except TimeoutError:
            message = f"The body did not arrive within {self._timeout_seconds:g} seconds"
            raise unavailable(message, code="slow_body", closes=True) from None
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError):
            raise RefusalError(400, "incomplete_body", "The body was cut off", closes=True) from None

    async def _collect(self, content: StreamReader, hold: Hold) -> bytes:
        chunks = []
        size_bytes = 0
        while chunk := await content.readany():
            size_bytes += len(chunk)
            if size_bytes > self._max_bytes:
                raise self._too_large()
            hold.take(len(chunk))
            chunks.append(chunk)
        return b"".join(chunks)

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


def _window_bits(encoding: str | None, body: bytes) -> int | None:
    """Give what zlib has to know to inflate a body; None for a plain one. Raises RefusalError."""
    encoding = (encoding or "").strip().lower()
    if encoding in ("gzip", "x-gzip") or body.startswith(_GZIP_MAGIC):
        return _GZIP_WINDOW_BITS
    if encoding == "deflate":
        is_zlib = body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
        return _ZLIB_WINDOW_BITS if is_zlib else _RAW_DEFLATE_WINDOW_BITS
    if encoding in ("", "identity"):
        return None
    raise RefusalError(400, "unreadable_body", "Content-Encoding must be gzip, deflate or identity")


def _inflates_to_much(body: bytes, window_bits: int) -> bool:
    """Tell whether more than a light body comes of it; what is corrupt is told by `_inflate`."""
    try:
        return len(zlib.decompressobj(window_bits).decompress(body, HEAVY_BYTES + 1)) > HEAVY_BYTES
    except zlib.error:
        return False


def parse(body: bytes) -> Any:
    """Read the body's JSON. Raises RefusalError."""
    try:
        return read_json(body)
    except UnreadableJsonError as error:
        raise RefusalError(400, "invalid_json", f"The body is {error}") from None
