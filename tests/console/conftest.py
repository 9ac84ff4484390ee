"""A console beside a running system."""

from collections.abc import AsyncIterator

import pytest

from tests.console.running import Console, running_console
from tests.system import System, running_system


@pytest.fixture
async def system(redis_url: str, database_url: str) -> AsyncIterator[System]:
    """The whole system, with a connection `main`."""
    async with running_system(redis_url, database_url) as running:
        yield running


@pytest.fixture
async def console(redis_url: str, database_url: str) -> AsyncIterator[Console]:
    """A console on the test's servers."""
    async with running_console(redis_url, database_url) as running:
        yield running
