"""What the console keeps an eye on goes on, whatever one look comes to."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from schemas.queue import accepted_key
from schemas.redis_client import RedisClient
from tests.waiting import eventually
from worker.console.sampler import Sampler

_ANY_SAMPLE = "SELECT EXISTS (SELECT FROM variance_data.queue_samples)"


async def test_a_counter_that_somebody_wrote_to_does_not_end_the_sampling(
    redis_url: str, database_url: str, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.console.sampler.SAMPLE_SECONDS", 0.05)
    monkeypatch.setattr("worker.console.sampler._FAILED_SECONDS", 0.05)
    async with (
        RedisClient(redis_url, timeout_seconds=5, max_connections=4) as redis,
        asyncpg.create_pool(database_url, min_size=0) as pool,
    ):
        sampler = Sampler(pool, redis)
        await redis.set(accepted_key(0), "many")

        async def is_sampled() -> bool:
            return bool(await database.fetchval(_ANY_SAMPLE))

        with capture_logs() as logs:
            running = asyncio.create_task(sampler.run())
            await eventually(_either(running, lambda: bool(logs)), "the failure to be told")
            assert not running.done(), running.exception()
            await redis.delete(accepted_key(0))
            await eventually(is_sampled, "a sample once the counter is gone")
            sampler.stop()
            await running
    assert {(line["log_level"], line["failure"]) for line in logs} == {("error", "ValueError")}


async def test_a_server_that_is_away_is_only_a_warning(database_url: str) -> None:
    async with (
        RedisClient("redis://127.0.0.1:1/0", timeout_seconds=5, max_connections=4) as redis,
        asyncpg.create_pool(database_url, min_size=0) as pool,
    ):
        sampler = Sampler(pool, redis)
        with capture_logs() as logs:
            running = asyncio.create_task(sampler.run())
            await eventually(_either(running, lambda: bool(logs)), "the failure to be told")
            sampler.stop()
            await running
    assert {line["log_level"] for line in logs} == {"warning"}


def _either(running: "asyncio.Task[None]", condition: Callable[[], bool]) -> Callable[[], Any]:
    """Hold also where the sampling has ended, which is never to happen by itself."""

    async def holds() -> bool:
        return condition() or running.done()

    return holds
