"""Where each table lies on a Citus cluster; a plain Postgres has no use for it.

Rows that belong to a workspace lie on the node that its id is hashed to, those of all tables together, so that a drain
needs one node. What they are joined with is on every node. What nothing joins with stays on the coordinator.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from worker.sql import statement
from worker.store.database import Database

_SCHEMA = "variance_data"
_FIRST = "messages"
"""The table that the others of a workspace lie beside."""


DDL_SETTINGS = {
    # Or a change of what is everywhere fails after one of what is spread, in the same transaction.
    "citus.multi_shard_modify_mode": "sequential",
    # Or what is not spread yet is half Citus' already, and what is its cannot be spread.
    "citus.enable_local_reference_table_foreign_keys": "off",
    # An index of a long log takes as long as it takes.
    "statement_timeout": "0",
}
"""With what a connection changes tables, where Citus may be, too: of that a plain Postgres takes no notice."""


class Place(Enum):
    """Where a table's rows are. The values are Citus' own words."""

    WORKSPACE = "distributed"
    EVERYWHERE = "reference"
    KNOWN = "local"
    """On the coordinator, and known to Citus, which then commits it together with what lies elsewhere.

    It cannot be where the coordinator was not told of itself (`citus_set_coordinator_host`).
    """
    COORDINATOR = ""


_PLACES = {
    "workspaces": Place.EVERYWHERE,
    "connections": Place.EVERYWHERE,
    "retention": Place.EVERYWHERE,
    # Without Citus' two-phase commit a coordinator that is killed between the commits of a node and its own has
    # messages applied and not counted.
    "ledger": Place.KNOWN,
}

_CALLS = {
    Place.EVERYWHERE: "SELECT create_reference_table($1::text::regclass)",
    Place.WORKSPACE: "SELECT create_distributed_table($1::text::regclass, 'workspace_id', colocate_with => $2::text)",
    Place.KNOWN: "SELECT citus_add_local_table_to_metadata($1::text::regclass)",
}

_WITHOUT_SHARDS = "SET LOCAL citus.override_table_visibility = on"
"""Has Citus leave out the shards where tables are listed."""

# A plain Postgres, which tries worker/sql's statements, has no such tables.
_KNOWS_COORDINATOR = "SELECT EXISTS (SELECT FROM pg_dist_node n WHERE n.groupid = 0)"
_PLACED = """
SELECT c.relname AS name, t.citus_table_type AS place, t.colocation_id
FROM citus_tables t
JOIN pg_class c ON c.oid = t.table_name
JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'variance_data'
"""


@dataclass(frozen=True, slots=True)
class Placement:
    """How the tables lie: is Citus there, which are still to be placed, and which lie elsewhere than they should."""

    has_citus: bool
    missing: Sequence[str] = ()
    misplaced: Sequence[str] = ()


def place_of(table: str, *, has_workspace: bool) -> Place:
    """Give where a table belongs."""
    return _PLACES.get(table, Place.WORKSPACE if has_workspace else Place.COORDINATOR)


def order(wanted: Mapping[str, Place]) -> list[str]:
    """Give the tables to place, in an order that Citus accepts: what others refer to, and lie beside, comes first."""
    turns = {Place.EVERYWHERE: 0, Place.WORKSPACE: 1, Place.KNOWN: 2}
    placed = [table for table, place in wanted.items() if place in turns]
    return sorted(placed, key=lambda table: (turns[wanted[table]], table != _FIRST, table))


async def read_placement(database: Database) -> Placement:
    """Tell how the tables lie."""
    if not await database.fetchval(statement("has_citus")):
        return Placement(has_citus=False)
    wanted = await _wanted(database)
    placed = {row["name"]: row for row in await database.fetch(_PLACED)}
    misplaced = {name for name, row in placed.items() if row["place"] != wanted[name].value}
    if _FIRST in placed:  # others of its kind lie beside it, or nothing joins them with it
        group = placed[_FIRST]["colocation_id"]
        spread = {name for name, row in placed.items() if row["place"] == Place.WORKSPACE.value}
        misplaced |= {name for name in spread if placed[name]["colocation_id"] != group}
    return Placement(
        has_citus=True,
        missing=[table for table in order(wanted) if table not in placed],
        misplaced=sorted(misplaced),
    )


async def place_tables(database: Database) -> list[str]:
    """Place the tables that are not placed yet, all in one transaction; give their names. Nothing without Citus.

    The connection has DDL_SETTINGS. Rows that are there already move; whoever reads or writes the tables waits
    meanwhile.
    """
    missing = (await read_placement(database)).missing
    if not missing:
        return []
    wanted = await _wanted(database)
    async with database.transaction():
        names = ", ".join(f"{_SCHEMA}.{table}" for table in missing)
        await database.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
        for table in missing:
            await _place(database, table, wanted[table])
    return list(missing)


async def place_beside(database: Database, tables: Sequence[str]) -> None:
    """Place empty tables, named with their schema, beside those of the workspaces. Nothing without Citus."""
    if await database.fetchval(statement("has_citus")):
        for table in tables:
            await database.execute(_CALLS[Place.WORKSPACE], table, f"{_SCHEMA}.{_FIRST}")


async def _place(database: Database, table: str, place: Place) -> None:
    name = f"{_SCHEMA}.{table}"
    if place is Place.WORKSPACE:
        await database.execute(_CALLS[place], name, "none" if table == _FIRST else f"{_SCHEMA}.{_FIRST}")
    else:
        await database.execute(_CALLS[place], name)
    if place is not Place.KNOWN:
        # What was copied to the nodes would lie here for good, out of sight.
        await database.execute("SELECT truncate_local_data_after_distributing_table($1::text::regclass)", name)


async def _wanted(database: Database) -> dict[str, Place]:
    async with database.transaction():
        await database.execute(_WITHOUT_SHARDS)
        rows = await database.fetch(statement("list_tables"))
    wanted = {row["name"]: place_of(row["name"], has_workspace=row["has_workspace"]) for row in rows}
    if await database.fetchval(_KNOWS_COORDINATOR):
        return wanted
    return {table: Place.COORDINATOR if place is Place.KNOWN else place for table, place in wanted.items()}
