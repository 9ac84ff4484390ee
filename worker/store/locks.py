"""The advisory locks of this system, by numbers that are hopefully nobody else's.

A partition's, in `lock_partition.sql`, is a pair of numbers, as is that of a workspace's dead letters (1447121490), in
`hold_letters.sql` and `share_letters.sql`; to Postgres a pair is never the same as a single one.
"""

from worker.store.database import Database

MIGRATE_LOCK = 1447121486
"""Held while the database is brought to a version."""

PUBLISH_LOCK = 1447121487
"""Held from reading the connections to having them published."""

REBUILD_LOCK = 1447121488
"""Held by a rebuild from its beginning to its end; shared by what must not change the evidence meanwhile."""

TRIM_LOCK = 1447121489
"""Held by the one process that trims."""

# A statement without parameters, after which the last one with some keeps its snapshot no longer.
_NOTHING = "SELECT"


async def take_lock(database: Database, lock: int) -> bool:
    """Take a lock until the transaction ends, however long it idles. False where somebody else has it."""
    is_ours: bool = await database.fetchval("SELECT pg_try_advisory_xact_lock($1::bigint)", lock)
    await database.execute(_NOTHING)
    return is_ours


async def share_lock(database: Database, lock: int) -> bool:
    """Keep others from taking a lock until the transaction ends. False where somebody has it."""
    is_shared: bool = await database.fetchval("SELECT pg_try_advisory_xact_lock_shared($1::bigint)", lock)
    return is_shared


async def await_lock(database: Database, lock: int) -> None:
    """Wait for a lock, and hold it until the transaction ends."""
    await database.execute("SELECT pg_advisory_xact_lock($1::bigint)", lock)
