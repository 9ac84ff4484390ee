"""A running edge; and one with a Valkey of its own, for a test that breaks it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.ingest.edge import CONNECTION, Edge, publish, running_edge
from tests.ingest.valkey import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    valkey = Valkey(tmp_path)
    valkey.start()
    yield valkey
    valkey.kill()


@pytest.fixture
async def edge(redis_url: str) -> AsyncIterator[Edge]:
    """Give an edge that knows the default connection."""
    await publish_default(redis_url)
    async with running_edge(redis_url) as edge:
        yield edge


@pytest.fixture
async def breakable_edge(valkey: Valkey) -> AsyncIterator[Edge]:
    """Give an edge whose Valkey the test may break; it waits for Redis for half a second."""
    await publish_default(valkey.url)
    async with running_edge(valkey.url, redis_timeout_seconds=0.5) as edge:
        yield edge


async def publish_default(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    await publish(redis, CONNECTION)
    await redis.aclose()
