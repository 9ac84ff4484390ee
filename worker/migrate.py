"""Brings the database to this version. Safe to run twice, and from two places at once."""

import logging
from importlib.resources import as_file, files

import asyncpg
from pogo_core.error import BadMigrationError
from pogo_core.util import migrate, sql

from schemas.foreseen import ForeseenError
from worker.store.database import connect

_LOCK = 1447121486
_SCHEMA = "variance_data"


class _Quiet(logging.Logger):
    """Passes on as information what the migrations' library takes for warnings: which one it applies."""

    def warning(self, msg: object, *args: object, **_options: object) -> None:
        """Log that a migration is applied."""
        logging.getLogger(self.name).info(msg, *args)


class MigrationError(ForeseenError):
    """The database could not be brought to this version."""


async def apply_migrations(database_url: str) -> list[str]:
    """Apply the migrations that are missing; give their names."""
    async with connect(database_url) as database:
        await database.execute("SELECT pg_advisory_lock($1::bigint)", _LOCK)
        try:
            return await _apply(database)
        except BadMigrationError as error:
            message = f"{error}: {error.__cause__}"
            raise MigrationError(message) from error
        finally:
            await database.execute("SELECT pg_advisory_unlock($1::bigint)", _LOCK)


async def _apply(database: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    await sql.ensure_pogo_sync(database)
    before = await sql.get_applied_migrations(database, schema_name=_SCHEMA)
    with as_file(files("schemas").joinpath("migrations")) as directory:
        await migrate.apply(database, directory, schema_name=_SCHEMA, logger=_Quiet(__name__))
    return sorted(await sql.get_applied_migrations(database, schema_name=_SCHEMA) - before)
