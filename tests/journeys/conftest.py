"""A running system for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.command import Variance
from tests.system import System, running_system


@pytest.fixture
async def system(redis_url: str, database_url: str) -> AsyncIterator[System]:
    """The whole system, with a connection `main` of the method `group`. No message may die in Postgres unnoticed."""
    async with running_system(redis_url, database_url) as running:
        yield running
        assert await running.rows("dead_letters WHERE reason = 'unstorable'", "detail") == []


@pytest.fixture
def variance(tmp_path: Path, redis_url: str, database_url: str) -> Variance:
    """The command, told of the test's servers by the environment."""
    return Variance(tmp_path, {"REDIS_URL": redis_url, "DATABASE_URL": database_url})
