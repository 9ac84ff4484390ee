"""Which connection a request is let in to."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web

from ingest.answers import RefusalError, unavailable
from ingest.connections import Connections
from schemas.connection import PublishedConnection, secret_sha256

_NOTHING_SENT = "No secret was sent"
_NO_FIT = "This secret does not fit"
_UNAVAILABLE = "Connections cannot be looked up at the moment"

_Opened = TypeVar("_Opened")

CONNECTION_ID = web.RequestKey("CONNECTION_ID", str)
"""The connection that a request was let in to."""


class Access:
    """Lets requests in by their secrets, and looks again in Redis before it turns one away.

    The look again is what makes a connection usable at the moment it was added, enabled or given a new
    secret. Where Redis cannot be asked, nobody is turned away: a sender would drop its data for our trouble.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def at_once(self, secrets: Sequence[str]) -> PublishedConnection | None:
        """Give the connection that the first of these secrets opens; None where Redis has to be asked.

        A second one counts where the first opens nothing, and whether it does, only Redis can tell.
        """
        connection = self._connections.opened_by(secrets[:1])
        return connection if connection is not None and connection.is_enabled else None

    async def by_secret(self, secrets: Sequence[str]) -> PublishedConnection:
        """Give the connection that the first fitting one of these secrets opens. Raises RefusalError."""
        connection = self.at_once(secrets)
        if connection is not None:
            return connection
        if not secrets:
            raise _unauthorized(_NOTHING_SENT)
        if len(secrets) > 1:
            await self._connections.look_again()
        return await self._try_twice(lambda: self._opened_by(secrets))

    async def by_id(self, connection_id: str, secrets: Sequence[str]) -> tuple[PublishedConnection, str]:
        """Give the connection with this id and the secret that opens it. Raises RefusalError."""
        return await self._try_twice(lambda: self._with_id(connection_id, secrets))

    def by_id_at_once(self, connection_id: str, secrets: Sequence[str]) -> PublishedConnection | None:
        """Give the connection with this id where one of these secrets opens it; None where Redis has to be asked."""
        try:
            return self._with_id(connection_id, secrets)[0]
        except RefusalError:
            return None

    async def _try_twice(self, attempt: Callable[[], _Opened]) -> _Opened:
        try:
            return attempt()
        except RefusalError:
            if await self._connections.look_again():
                return attempt()
        raise unavailable(_UNAVAILABLE, code="connections_unavailable")

    def _opened_by(self, secrets: Sequence[str]) -> PublishedConnection:
        connection = self._connections.opened_by(secrets)
        if connection is None:
            raise _unauthorized(_NO_FIT)
        return _enabled(connection)

    def _with_id(self, connection_id: str, secrets: Sequence[str]) -> tuple[PublishedConnection, str]:
        connection = self._connections.with_id(connection_id)
        if connection is None:
            raise RefusalError(404, "unknown_connection", "There is no connection with this id")
        for secret in secrets:
            if connection.is_opened_by(secret_sha256(secret)):
                return _enabled(connection), secret
        raise _unauthorized(_NO_FIT if secrets else _NOTHING_SENT)


def _enabled(connection: PublishedConnection) -> PublishedConnection:
    if not connection.is_enabled:
        raise RefusalError(401, "connection_disabled", "The connection is disabled")
    return connection


def _unauthorized(message: str) -> RefusalError:
    return RefusalError(401, "unauthorized", message)
