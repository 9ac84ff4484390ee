"""What a drain says of its partition when its turn is over."""

import asyncio
from collections.abc import Iterator

from schemas.settings import WorkerSettings
from tests.system import System
from worker.drain import Drained, Pace
from worker.service import open_service


async def test_a_partition_is_unfinished_only_where_more_waits_than_a_transaction_takes(system: System) -> None:
    await system.stop_worker()
    settings = WorkerSettings(redis_url=system.redis_url, database_url=system.database_url, drain_messages=3)

    async def drained_after(messages: int) -> Drained:
        before = sum((await system.ledger()).values())
        for _ in range(messages):
            assert await system.post("/v1/track", {"userId": "u", "event": "e"}, "defaultmain") == 200
        paces: Iterator[Pace] = iter([Pace(), Pace(turn_seconds=0.0)])
        async with open_service(settings, asyncio.Event()) as service:
            lengths = await service.sweep.streams.lengths()
            drained = await service.sweep.drain.drain(lengths.index(max(lengths)), lambda: next(paces))
        assert sum((await system.ledger()).values()) == before + min(messages, 3)
        return drained

    assert await drained_after(2) is Drained.EMPTY
    assert await drained_after(3) is Drained.UNFINISHED
