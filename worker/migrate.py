"""Brings the database to this version. Safe to run twice, and from two places at once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files

import asyncpg
from pogo_core.error import BadMigrationError
from pogo_core.util import migrate, sql

from schemas.foreseen import ForeseenError
from worker.failure import POSTGRES_AWAY
from worker.placement import DDL_SETTINGS, Placement, place_tables, read_placement
from worker.sql import statement
from worker.store.database import connect
from worker.store.holding import holding
from worker.store.locks import MIGRATE_LOCK

_SCHEMA = "variance_data"
_TRIES = 5


class _Quiet(logging.Logger):
    """Passes on as information what the migrations' library takes for warnings: which one it applies."""

    def warning(self, msg: object, *args: object, **_options: object) -> None:
        """Log that a migration is applied."""
        logging.getLogger(self.name).info(msg, *args)


class MigrationError(ForeseenError):
    """The database could not be brought to this version."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done: the migrations that were applied, and the tables that Citus has spread since."""

    applied: Sequence[str]
    placed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Version:
    """How a database stands: the migrations that it lacks, and where its tables lie."""

    missing: Sequence[str]
    placement: Placement

    @property
    def is_current(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.missing or self.placement.missing or self.placement.misplaced)


async def is_current(database_url: str) -> bool:
    """Tell whether `variance migrate` would find nothing to do; not so where the database cannot be asked."""
    try:
        async with connect(database_url) as database:
            return (await read_version(database)).is_current
    except (*POSTGRES_AWAY, ValueError):
        return False


async def bring_up_to_date(database_url: str) -> Migrated:
    """Apply the migrations that are missing, and where Citus is there, have it spread the tables."""
    async with holding(database_url, MIGRATE_LOCK), connect(database_url, DDL_SETTINGS) as database:
        for _ in range(_TRIES):
            try:
                return Migrated(await _apply(database), await place_tables(database))
            except BadMigrationError as error:
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    message = f"{error}: {error.__cause__}"
                    raise MigrationError(message) from error
            except asyncpg.DeadlockDetectedError:
                pass  # a worker and we waited for each other; what was applied before stays
    raise MigrationError(f"the workers were in the way {_TRIES} times: try again, or stop them for a moment")


async def read_version(database: "asyncpg.Connection[asyncpg.Record]") -> Version:
    """Tell how a database stands, without changing it."""
    names = [entry.name for entry in files("schemas").joinpath("migrations").iterdir()]
    known = {name.removesuffix(".sql") for name in names if name.endswith(".sql")}
    applied: set[str] = set()
    if await database.fetchval(statement("has_migrations")):
        applied = await sql.get_applied_migrations(database, schema_name=_SCHEMA)
    return Version(sorted(known - applied), await read_placement(database))


async def _apply(database: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    await sql.ensure_pogo_sync(database)
    before = await sql.get_applied_migrations(database, schema_name=_SCHEMA)
    with as_file(files("schemas").joinpath("migrations")) as directory:
        await migrate.apply(database, directory, schema_name=_SCHEMA, logger=_Quiet(__name__))
    return sorted(await sql.get_applied_migrations(database, schema_name=_SCHEMA) - before)
