"""What happens to posts while a part is away, and afterwards. On servers of the test's own, which it may stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from arq.typing import WorkerCoroutine
from structlog.testing import capture_logs

from schemas.partitions import NEVER_CHANGED
from schemas.queue import stream_key
from schemas.settings import WorkerSettings
from tests.journeys.messages import track
from tests.system import System, running_system
from tests.waiting import eventually
from worker.arq_queue import StoppableWorker, arq_client
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.valkey import EmbeddedValkey
from worker.migrate import bring_up_to_date
from worker.service import open_service


@asynccontextmanager
async def own_servers(directory: Path) -> AsyncIterator[tuple[EmbeddedValkey, EmbeddedPostgres, System]]:
    valkey, postgres = EmbeddedValkey(directory / "valkey"), EmbeddedPostgres(directory / "postgres")
    try:
        redis_url = await asyncio.to_thread(valkey.start)
        database_url = await asyncio.to_thread(postgres.start)
        await bring_up_to_date(database_url)
        async with running_system(redis_url, database_url) as system:
            yield valkey, postgres, system
    finally:
        await asyncio.to_thread(valkey.stop)
        await asyncio.to_thread(postgres.stop)


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedValkey, EmbeddedPostgres, System]]:
    async with own_servers(tmp_path) as opened:
        yield opened


async def test_posts_are_acknowledged_while_no_worker_runs(redis_url: str, database_url: str) -> None:
    async with running_system(redis_url, database_url, with_worker=False) as system:
        assert await system.post("/v1/track", track("waits", userId="u1"), "defaultmain") == 200
        lengths = [await system.redis.xlen(stream_key(partition)) for partition in range(NEVER_CHANGED.most)]
        assert sum(lengths) == 1
        await system.start_worker()
        await system.settled()
        assert await system.rows("events", "name") == [("waits",)]


async def test_while_redis_is_away_posts_get_503_and_afterwards_all_goes_on(
    parts: tuple[EmbeddedValkey, EmbeddedPostgres, System],
) -> None:
    valkey, _, system = parts
    await system.send(track("before", userId="u1"))
    await asyncio.to_thread(valkey.stop)
    assert await system.post("/v1/track", track("away", userId="u1"), "defaultmain") == 503
    await asyncio.to_thread(valkey.start)

    async def is_accepted() -> bool:
        return await system.post("/v1/track", track("after", userId="u1", messageId="m-after"), "defaultmain") == 200

    await eventually(is_accepted, "a post to be accepted again")
    await system.settled()
    assert await system.rows("events", "name") == [("after",), ("before",)]


async def test_while_postgres_is_away_posts_are_acknowledged_and_afterwards_all_arrives(
    parts: tuple[EmbeddedValkey, EmbeddedPostgres, System],
) -> None:
    _, postgres, system = parts
    await system.send(track("before", userId="u1"))
    await asyncio.to_thread(postgres.stop)
    for number in range(20):
        assert await system.post("/v1/track", track(f"e{number:02d}", userId=f"u{number}"), "defaultmain") == 200
    await asyncio.to_thread(postgres.start)

    async def is_back() -> bool:
        try:
            await system.reconnect()
        except OSError:
            return False
        return True

    await eventually(is_back, "Postgres to take connections")
    await system.settled()
    assert len(await system.rows("events")) == 21
    assert await system.ledger() == {"applied": 21, "duplicate": 0, "suppressed": 0, "dead": 0}


async def test_redis_losing_only_what_is_arqs_loses_no_message(redis_url: str, database_url: str) -> None:
    async with running_system(redis_url, database_url) as system:
        for number in range(30):
            assert await system.post("/v1/track", track("x", userId=f"u{number}"), "defaultmain") == 200
            if keys := await system.redis.keys("arq:*"):
                await system.redis.delete(*keys)
        await system.settled()
        assert len(await system.rows("events")) == 30


async def test_a_full_redis_is_drained_and_takes_posts_again(redis_url: str, database_url: str) -> None:
    async with running_system(redis_url, database_url, with_worker=False) as system:
        # Enough that no drain is over before arq has noticed.
        for number in range(3):
            batch = [track("x", userId=f"u{number}") for _ in range(1000)]
            assert await system.post("/v1/batch", {"batch": batch}, "defaultmain") == 200
        used_bytes = (await system.redis.info("memory"))["used_memory"]
        await system.redis.config_set("maxmemory", used_bytes // 2)
        try:
            with capture_logs() as logs:
                await system.start_worker()

                async def is_empty() -> bool:
                    lengths = [await system.redis.xlen(stream_key(number)) for number in range(NEVER_CHANGED.most)]
                    return not any(lengths)

                await eventually(is_empty, "the streams to be drained")
        finally:
            await system.redis.config_set("maxmemory", 0)
        await system.settled()
        assert len(await system.rows("events")) == 3000
    assert "worker starts again" not in {line["event"] for line in logs}


async def test_a_worker_that_can_leave_no_mark_of_its_life_in_a_full_redis_goes_on(redis_url: str) -> None:
    async def drain(_: dict[str, Any]) -> None: ...

    arq = arq_client(WorkerSettings(redis_url=redis_url, database_url="postgres://unused"), max_connections=2)
    worker = StoppableWorker(functions=[cast("WorkerCoroutine", drain)], redis_pool=arq, handle_signals=False)
    try:
        await arq.config_set("maxmemory", 1)
        await worker.record_health()
        assert await arq.get(worker.health_check_key) is None
    finally:
        await arq.config_set("maxmemory", 0)
        await arq.aclose()


async def test_an_entry_that_is_not_ours_becomes_a_dead_letter(redis_url: str, database_url: str) -> None:
    async with running_system(redis_url, database_url) as system:
        await system.redis.xadd(stream_key(3), {"foo": "bar"})

        async def is_dead() -> bool:
            return [row[0] for row in await system.rows("dead_letters", "reason")] == ["unknown_connection"]

        await eventually(is_dead, "the entry to become a dead letter")


async def test_a_worker_that_has_little_time_for_redis_takes_its_time_to_connect_to_postgres(
    redis_url: str, database_url: str
) -> None:
    settings = WorkerSettings(redis_url=redis_url, database_url=database_url, redis_timeout_seconds=0.001)
    async with open_service(settings, asyncio.Event()) as service:
        assert await service.pool.fetchval("SELECT 1") == 1
