"""After a restore: has Redis count what it accepted again, which a copy of it has forgotten in part.

What a partition accepted is what Postgres settled and what still waits. Safe while posts are accepted and applied:
what comes while it counts stands behind the last entry that it counts, and is added to the counter by itself.
"""

import asyncio

from redis.asyncio import Redis

from schemas.partitions import find_partitions
from schemas.queue import accepted_key, removed_key, stream_key
from schemas.redis_client import Command, RedisClient
from schemas.redis_commands import run_all
from worker.queue_reading import QueueReading
from worker.store.database import Database
from worker.store.ledger import lock_partition
from worker.store.status import LedgerRow, read_ledger
from worker.tally import Tally

_NOTHING = LedgerRow(0, Tally())
_PAUSE_SECONDS = 0.02


async def recount(database: Database, redis: RedisClient) -> dict[int, int]:
    """Correct what Redis counts as accepted; give by how much, for each partition where it was wrong."""
    corrections = {}
    for partition in range((await find_partitions(redis)).most):
        if correction := await _recount(database, await redis.server_of(accepted_key(partition)), partition):
            corrections[partition] = correction
    return corrections


async def _recount(database: Database, redis: Redis, partition: int) -> int:
    while True:
        async with database.transaction():
            await database.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # counting may take long
            if await lock_partition(database, partition):  # nobody drains it meanwhile
                row = (await read_ledger(database)).get(partition, _NOTHING)
                return await _correct(redis, partition, row)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _correct(redis: Redis, partition: int, row: LedgerRow) -> int:
    """Count what waits, and add what the counter lacks; give how much that was."""
    looks: list[Command] = [
        ("GET", accepted_key(partition)),
        ("XREVRANGE", stream_key(partition), "+", "-", "COUNT", 1),
    ]
    counted, last = await run_all(redis, looks, at_one_moment=True)
    accepted = row.tally.total
    if last:
        async for waiting in QueueReading(redis).messages([partition], until=last[0][0].decode()):
            accepted += waiting.entry_id not in row.settled_entries
    correction = accepted - int(counted or 0)
    if correction:
        changes: list[Command] = [
            ("INCRBY", accepted_key(partition), correction),
            ("SET", removed_key(partition), row.tally.total),
        ]
        await run_all(redis, changes, at_one_moment=True)
    return correction
