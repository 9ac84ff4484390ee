from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.convergence.stage import Stage, open_stage


@pytest.fixture
async def stage(redis_url: str, database_url: str) -> AsyncIterator[Stage]:
    """Two workers on empty servers."""
    async with open_stage(redis_url, database_url) as opened:
        yield opened


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A console's connections."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as opened:
        yield opened
