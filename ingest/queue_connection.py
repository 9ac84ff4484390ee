"""One connection to one Redis, for writes to the queue: dropped after any error, and made anew when it is needed.

A pool's pipeline would be shorter, but redis-py's hangs or leaks its connection where Redis freezes.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from schemas.cluster_map import ClusterMap
from schemas.redis_addresses import address_of
from schemas.redis_away import REDIS_AWAY
from schemas.redis_pools import close_pool, open_pool

Command: TypeAlias = tuple[Any, ...]


class QueueConnection:
    """A connection to the server of a URL, which may be closed."""

    def __init__(self, url: str, **options: Any) -> None:
        """Raise ValueError for a URL that redis-py cannot read. `options` are those of its connections."""
        self._connections = open_pool(url, lib_name=None, lib_version=None, **options)
        self._address = address_of(url)
        self._connection: AbstractConnection | None = None
        self._transport: asyncio.WriteTransport | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether there is a connection, as far as is known."""
        return self._connection is not None

    async def open(self) -> ClusterMap | None:
        """Connect; give the map of the cluster that the server belongs to, if it does."""
        connection = cast("AbstractConnection", self._connections.make_connection())  # type: ignore[no-untyped-call]
        self._connection = connection
        await connection.connect()  # type: ignore[no-untyped-call]
        if connection._writer is not None:  # noqa: SLF001
            self._transport = connection._writer.transport  # noqa: SLF001 (to be aborted: see below)
        # A frozen Redis takes connections: without a sign of life, it would be sent all that comes meanwhile.
        await connection.send_command("CLUSTER", "SLOTS", check_health=False)
        try:
            return ClusterMap(await connection.read_response(disable_decoding=True), self._address)
        except ResponseError:  # it belongs to none, or does not tell this user
            return None

    async def transact(self, commands: Sequence[Command]) -> None:
        """Run a transaction, from MULTI to EXEC. Raises its first error, after which the connection has to be dropped.

        The connection has to be open.
        """
        connection = self._opened()
        packed = b"".join(hiredis.pack_command(command) for command in commands)
        await connection.send_packed_command(packed, check_health=False)
        replies: Any = None
        for _ in commands:
            replies = await connection.read_response(disable_decoding=True)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands; give the replies, of which some may be a ResponseError. The connection has to be open."""
        connection = self._opened()
        packed = b"".join(hiredis.pack_command(command) for command in commands)
        await connection.send_packed_command(packed, check_health=False)
        replies: list[Any] = []
        for _ in commands:
            try:
                replies.append(await connection.read_response(disable_decoding=True))
            except ResponseError as error:
                replies.append(error)
        return replies

    async def drop(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        transport, self._transport = self._transport, None
        if transport is not None:  # redis-py closes it, but that keeps the rest until a frozen Redis reads it
            transport.abort()
        if connection is not None:
            with suppress(*REDIS_AWAY):
                await connection.disconnect(nowait=True)
                await close_pool(self._connections)

    def _opened(self) -> AbstractConnection:
        if self._connection is None:
            raise RuntimeError("the connection is not open")
        return self._connection
