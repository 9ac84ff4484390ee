"""A worker that is killed between two statements: its connection breaks, and whatever was not committed never was."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection  # which has a parameter in its stubs only


@dataclass(slots=True)
class Fate:
    """When the next death comes: after how many statements, and whether the last one still reaches the server."""

    statements_left: int | None = None
    last_is_done: bool = False
    deaths: int = 0


FATE = Fate()
"""Of all mortal connections; a test sets it."""


class MortalConnection(_Connection):
    """A connection that breaks when its time has come. BEGIN, COMMIT and savepoints count as statements."""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """Run a statement, unless it is time."""
        self._count()
        result = await super().execute(query, *args, **options)
        self._die_if_due()
        return result

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """Read, unless it is time."""
        self._count()
        result = await super().fetch(query, *args, **options)
        self._die_if_due()
        return result

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        """Read one value, unless it is time."""
        self._count()
        result = await super().fetchval(query, *args, **options)
        self._die_if_due()
        return result

    def _count(self) -> None:
        if FATE.statements_left is None:
            return
        FATE.statements_left -= 1
        if FATE.statements_left <= 0 and not FATE.last_is_done:
            self._die()

    def _die_if_due(self) -> None:
        if FATE.statements_left is not None and FATE.statements_left <= 0:
            self._die()

    def _die(self) -> None:
        FATE.statements_left = None
        FATE.deaths += 1
        self.terminate()
        raise ConnectionResetError("killed")
