"""After a restore: has Redis count what it accepted again, which a copy of it has forgotten in part.

What a partition accepted is what Postgres settled and what still waits. Safe while posts are accepted and applied.
"""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import WatchError

from schemas.partitions import find_partitions
from schemas.queue import accepted_key, removed_key
from schemas.redis_client import RedisClient
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
            # Nobody drains it meanwhile; whoever writes to it has the count begun again.
            if await lock_partition(database, partition):
                row = (await read_ledger(database)).get(partition, _NOTHING)
                try:
                    return await _correct(redis, partition, row)
                except WatchError:
                    pass
        await asyncio.sleep(_PAUSE_SECONDS)


async def _correct(redis: Redis, partition: int, row: LedgerRow) -> int:
    """Count what waits, and correct the counters. Raises WatchError where something was accepted meanwhile."""
    async with redis.pipeline(transaction=True) as pipeline:
        await pipeline.watch(accepted_key(partition))
        counted = int(await pipeline.get(accepted_key(partition)) or 0)
        waiting = [
            one async for one in QueueReading(redis).messages([partition]) if one.entry_id not in row.settled_entries
        ]
        accepted = row.tally.total + len(waiting)
        if accepted == counted:
            return 0
        pipeline.multi()  # type: ignore[no-untyped-call] # redis-py has no type for it
        pipeline.set(accepted_key(partition), accepted)
        pipeline.set(removed_key(partition), row.tally.total)
        await pipeline.execute()
        return accepted - counted
