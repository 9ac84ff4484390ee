from collections.abc import AsyncIterator

import pytest

from tests.convergence.stage import Stage, open_stage


@pytest.fixture
async def stage(redis_url: str, database_url: str) -> AsyncIterator[Stage]:
    """Two workers on empty servers."""
    async with open_stage(redis_url, database_url) as opened:
        yield opened
