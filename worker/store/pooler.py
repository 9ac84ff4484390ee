"""Postgres behind a pooler in transaction mode, such as PgBouncer, which gives each transaction some connection.

What belongs to a session does not survive a transaction there: the settings that a connection begins with, prepared
statements, locks of a session. So every statement runs in a transaction there, which begins with the settings.

Sources: PgBouncer's documentation, "Features" (the table of what breaks in transaction pooling) and
`max_prepared_statements`.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

import asyncpg
import structlog
from asyncpg.transaction import Transaction

_LOG = structlog.get_logger(__name__)

if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection  # which has a parameter in its stubs only

_PASSED_ON = ("application_name", "timezone")
"""Settings that a pooler lets a connection begin with."""

_STATEMENTS = 100
_IS_PREPARED = "SELECT EXISTS (SELECT FROM pg_prepared_statements p WHERE p.name = $1)"


class PooledConnection(_Connection):
    """A connection whose every statement runs in a transaction, each of which begins with the settings."""

    settings: Mapping[str, str] = {}

    def transaction(self, **options: Any) -> Transaction:
        """Begin a transaction, or a savepoint in one."""
        return _SettledTransaction(self, options)

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """Run a statement. What has no parameters goes as it is: no pooler comes between its parts."""
        if not args:
            return await super().execute(query, **options)
        async with self._in_transaction():
            return await super().execute(query, *args, **options)

    async def executemany(self, command: str, args: Any, **options: Any) -> None:
        """Run a statement for each of several parameters."""
        async with self._in_transaction():
            await super().executemany(command, args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """Read rows."""
        async with self._in_transaction():
            return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        """Read one row."""
        async with self._in_transaction():
            return await super().fetchrow(query, *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        """Read one value."""
        async with self._in_transaction():
            return await super().fetchval(query, *args, **options)

    @asynccontextmanager
    async def _in_transaction(self) -> AsyncIterator[None]:
        if self.is_in_transaction():
            yield
            return
        async with self.transaction():
            yield


class _SettledTransaction(Transaction):
    """A transaction that begins with a connection's settings."""

    def __init__(self, connection: PooledConnection, options: Mapping[str, Any]) -> None:
        self._pooled = connection
        super().__init__(
            connection, options.get("isolation"), options.get("readonly", False), options.get("deferrable", False)
        )

    async def start(self) -> None:
        """Begin."""
        is_nested = self._pooled.is_in_transaction()
        await super().start()
        if not is_nested and self._pooled.settings:
            try:
                await self._pooled.execute(set_local(self._pooled.settings))
            except BaseException:
                await self.rollback()
                raise


def set_local(settings: Mapping[str, str]) -> str:
    """Write the statements that make these settings a transaction's."""
    return ";".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())


class Opener:
    """Opens connections with the settings in force, whatever stands between us and Postgres.

    `announces`: a pooler that was found is told once, in the log.
    """

    def __init__(
        self, settings: Mapping[str, str], kind: type[_Connection] = asyncpg.Connection, *, announces: bool = False
    ) -> None:
        self._settings = dict(settings)
        self._kind = kind
        self._announces = announces
        self._pooled: dict[str, Any] | None = None

    async def __call__(self, *arguments: Any, **options: Any) -> _Connection:
        """Open a connection; the arguments are asyncpg.connect's."""
        options["connection_class"] = self._kind
        if self._pooled is None:
            connection = await self._open_directly(arguments, options)
            if connection is not None:
                return connection
            self._pooled = await self._find_out(arguments, options)
        return await _connect(arguments, options | self._pooled)

    async def _open_directly(self, arguments: Any, options: dict[str, Any]) -> _Connection | None:
        """Open a connection whose settings are the session's; None where something does not pass them on."""
        try:
            connection = await _connect(arguments, {**options, "server_settings": self._settings})
        except asyncpg.ProtocolViolationError:  # "unsupported startup parameter"
            return None
        # Without parameters, which would prepare a statement; its status tells how many rows there were.
        names = " OR ".join(f"(name = '{name}' AND setting = '{self._settings[name]}')" for name in self._telling())
        try:
            found = await connection.execute(f"SELECT FROM pg_settings WHERE {names}")
        except BaseException:  # also a process that stops just then
            connection.terminate()
            raise
        if found == f"SELECT {len(self._telling())}":
            return connection
        await connection.close()
        return None

    def _telling(self) -> list[str]:
        """Give the settings by which a connection tells whether it has ours: a server would hardly have just these."""
        return [name for name in self._settings if name.endswith("_timeout")]

    async def _find_out(self, arguments: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Find out what a pooler can do."""
        own = {name: value for name, value in self._settings.items() if name in _PASSED_ON}
        pooled: dict[str, Any] = {
            "server_settings": own,
            "statement_cache_size": 0,
            "connection_class": _pooled(self._kind, self._settings),
        }
        connection = await _connect(arguments, options | pooled)
        try:
            async with connection.transaction():
                name = f"variance_{uuid4().hex}"
                prepared = await connection.prepare("SELECT 1", name=name)
                # A pooler that keeps prepared statements gives them names of its own.
                keeps_statements = not await connection.fetchval(_IS_PREPARED, prepared.get_name())
                if not keeps_statements:
                    await connection.execute(f"DEALLOCATE {name}")
        finally:
            await connection.close()
        if self._announces:
            _LOG.info("Postgres is behind a pooler in transaction mode", keeps_prepared_statements=keeps_statements)
        return {**pooled, "statement_cache_size": _STATEMENTS if keeps_statements else 0}


def _pooled(kind: type[_Connection], settings: Mapping[str, str]) -> type[_Connection]:
    bases = (PooledConnection,) if issubclass(PooledConnection, kind) else (kind, PooledConnection)
    return type(f"Pooled{kind.__name__}", bases, {"settings": settings})


async def _connect(arguments: Any, options: Mapping[str, Any]) -> _Connection:
    connection: _Connection = await asyncpg.connect(*arguments, **options)
    return connection
