"""A TCP proxy between two parts, which a test may tell to misbehave."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

_CHUNK_BYTES = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: closing sends RST


@dataclass
class Proxy:
    """Forwards connections to `host:port`. What is set here holds for every connection, from now on."""

    host: str
    port: int
    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    is_deaf: bool = False
    """Half-open: connections stand, and nothing comes through in either direction."""
    refuses: bool = False
    """New connections are reset."""
    cuts_reply: Callable[[bytes], bool] | None = None
    """Given what is forwarded to the server; where true, it is delivered and the connection cut before the reply."""
    cuts: int = 0
    listens_on: int = 0
    _deaf: set[asyncio.StreamWriter] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listens_on}"

    def deafen(self) -> None:
        """Have those connections half-open that stand; new ones are good."""
        self._deaf |= self._writers

    def heal(self) -> None:
        """Be a good proxy again. Connections that were deaf are gone, as after a time-out of the network's."""
        was_deaf, self.is_deaf = self.is_deaf or bool(self._deaf), False
        self._deaf.clear()
        self.delay_seconds, self.bytes_per_second = 0.0, None
        self.refuses, self.cuts_reply = False, None
        self._heard.set()
        self._heard = asyncio.Event()
        if was_deaf:
            self.reset()

    def reset(self) -> None:
        """Reset every connection."""
        for writer in list(self._writers):
            _reset(writer)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if self.refuses:
            _reset(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            _reset(writer)
            return
        pair = (writer, server_writer)
        self._writers.update(pair)
        cut = asyncio.Event()
        forwarding = [
            asyncio.create_task(self._forward(reader, server_writer, cut, is_request=True)),
            asyncio.create_task(self._forward(server_reader, writer, cut, is_request=False)),
        ]
        try:
            await asyncio.wait(forwarding, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in forwarding:
                task.cancel()
            await asyncio.gather(*forwarding, return_exceptions=True)
            for each in pair:
                self._writers.discard(each)
                self._deaf.discard(each)
                if cut.is_set():
                    _reset(each)
                each.close()
            for each in pair:
                with suppress(OSError):
                    await each.wait_closed()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event, *, is_request: bool
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if self.bytes_per_second:
                    await asyncio.sleep(len(chunk) / self.bytes_per_second)
                while self.is_deaf or writer in self._deaf:
                    await self._heard.wait()
                if cut.is_set():
                    return
                if is_request and self.cuts_reply is not None and self.cuts_reply(chunk):
                    self.cuts += 1
                    cut.set()  # before the server can answer
                    writer.write(chunk)
                    await writer.drain()
                    await reader_ends_or(reader)
                    return
                writer.write(chunk)
                await writer.drain()


async def reader_ends_or(reader: asyncio.StreamReader, within_seconds: float = 0.02) -> None:
    """Give the server the time to take what was delivered, so that the cut comes after the write."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_seconds):
            await reader.read(1)


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: Any = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """Listen on a free port for a proxy to a server."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.listens_on = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.heal()
        proxy.reset()
        await server.wait_closed()
