"""Batches that take longer than they may: they are tried again in parts, or they would be tried in vain for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import asyncpg
import pytest

from schemas.redis_client import RedisClient
from tests.journeys.messages import track
from tests.system import System, running_system
from tests.waiting import DEADLINE_SECONDS, eventually
from worker.attempts import Attempts
from worker.drain import Drain, Drained
from worker.streams import Streams

_MESSAGES = 24
_MAKE_EACH_MESSAGE_SLOW = """
    CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.04); RETURN new; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON variance_data.messages FOR EACH ROW EXECUTE FUNCTION take_long()
"""
_IS_INSERTING = """
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()
        AND query LIKE '%INSERT INTO variance_data.messages%'
"""
_LARGEST_TRANSACTION = "SELECT max(n) FROM (SELECT count(*) AS n FROM variance_data.messages GROUP BY xmin) t"


@pytest.fixture
async def system(redis_url: str, database_url: str) -> AsyncIterator[System]:
    """Give a system in which messages of one person wait, an entry each, and take long; without a worker."""
    async with running_system(redis_url, database_url, with_worker=False) as running:
        for number in range(_MESSAGES):
            assert await running.post("/webhook/defaultmain", track(f"e{number}", 1, userId="u1"), "defaultmain") == 200
        await running.database.execute(_MAKE_EACH_MESSAGE_SLOW)
        yield running


async def test_what_takes_longer_than_a_statement_may_is_applied_in_parts(system: System) -> None:
    await system.start_worker(statement_timeout_seconds=0.7)
    await system.settled()
    assert await system.ledger() == {"applied": _MESSAGES, "duplicate": 0, "suppressed": 0, "dead": 0}


async def test_half_of_what_took_longer_than_a_drain_may_is_tried_next(system: System) -> None:
    redis = RedisClient(system.redis_url, timeout_seconds=DEADLINE_SECONDS, max_connections=5)
    async with aclosing(redis), asyncpg.create_pool(system.database_url, min_size=1, max_size=2) as pool:
        streams = Streams(redis)
        drain = Drain(streams, pool, 1000, lambda: False, Attempts(redis))
        (partition,) = [number for number, length in enumerate(await streams.lengths()) if length]
        draining = asyncio.create_task(drain.drain(partition))

        async def is_inserting() -> bool:
            return bool(await system.database.fetchval(_IS_INSERTING))

        await eventually(is_inserting, "the drain to be in the middle of its batch")
        draining.cancel()  # as arq does, once its time is over
        with pytest.raises(asyncio.CancelledError):
            await draining
        await system.database.execute("DROP TRIGGER slow ON variance_data.messages")
        assert await drain.drain(partition) is Drained.EMPTY
    assert await system.database.fetchval(_LARGEST_TRANSACTION) == _MESSAGES // 2
