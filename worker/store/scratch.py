"""A second set of the folded tables, to fold the message log into without touching what people see."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from worker.placement import place_beside
from worker.store.database import Database

if TYPE_CHECKING:
    _Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection  # which has a parameter in its stubs only

SCRATCH = "variance_scratch"
REAL = '"variance_data"'
"""The schema that people see, for statements on both; quoted, so that a ScratchConnection leaves it alone."""

FOLDED_TABLES: dict[str, tuple[str, ...]] = {
    "identities": ("workspace_id", "id"),
    "claims": ("workspace_id", "anonymous_id", "user_id"),
    "aliases": ("workspace_id", "connection_id", "message_id"),
    "contacts": ("workspace_id", "id"),
    "accounts": ("workspace_id", "id"),
    "audience_signals": ("workspace_id", "subject_id", "connection_id", "message_id"),
}
"""The tables that are a fold of the log, and their keys."""

_SCRATCHED = (*FOLDED_TABLES, "search_words", "stale_words")
"""The last two only take what folding says of words, which nobody reads: people look for what they see."""

_WRITTEN = re.compile(rf"\bvariance_data\.({'|'.join(_SCRATCHED)})\b")


class ScratchConnection(_Connection):
    """A connection on which the folded tables are the scratch ones; the log and the rest are the real ones."""

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """Run a statement on the scratch tables."""
        return await super().execute(in_scratch(query), *args, **options)

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        """Read from the scratch tables."""
        return await super().fetch(in_scratch(query), *args, **options)

    async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
        """Read one value from the scratch tables."""
        return await super().fetchval(in_scratch(query), *args, **options)


@cache
def in_scratch(query: str) -> str:
    """Point a statement at the scratch tables."""
    return _WRITTEN.sub(rf"{SCRATCH}.\1", query)


async def make_scratch(database: Database) -> None:
    """Make empty scratch tables, whatever an earlier attempt left behind."""
    await drop_scratch(database)
    await database.execute(f"CREATE SCHEMA {SCRATCH}")
    for table in _SCRATCHED:
        await database.execute(
            f"""CREATE UNLOGGED TABLE {SCRATCH}.{table} (
                LIKE variance_data.{table} INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE
            )"""
        )
    await database.execute(
        f"""CREATE UNLOGGED TABLE {SCRATCH}.message_accounts (
            workspace_id bigint, connection_id text COLLATE "C", message_id text COLLATE "C", account_id uuid
        )"""
    )
    await place_beside(database, [f"{SCRATCH}.{table}" for table in (*_SCRATCHED, "message_accounts")])


async def drop_scratch(database: Database) -> None:
    """Remove the scratch tables."""
    await database.execute(f"DROP SCHEMA IF EXISTS {SCRATCH} CASCADE")
