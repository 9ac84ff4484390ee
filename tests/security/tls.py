"""TLS before servers that were built without it: a proxy ends it, and forwards what comes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK_BYTES = 65536
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""What a client sends to a PostgreSQL that it wants to speak TLS with."""


@asynccontextmanager
async def tls_before(port: int, context: ssl.SSLContext, *, is_postgres: bool = False) -> AsyncIterator[int]:
    """Give a port on which TLS is spoken for the server on another port; nothing else is."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if is_postgres:
                if await reader.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
                    return
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_forward(reader, server_writer), _forward(server_reader, writer))
        except (OSError, asyncio.IncompleteReadError):  # no handshake; or one side has gone
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(take, "127.0.0.1", 0, ssl=None if is_postgres else context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    with suppress(OSError):
        writer.close()
