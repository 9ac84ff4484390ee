"""A console beside a running system; and both with a browser, which a module's tests share."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Page
from redis import Redis

from tests.console.browser import running_browser
from tests.console.running import Console, running_console
from tests.console.stage import Stage, watch
from tests.statements import execute
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


@pytest.fixture(scope="module")
def own_servers(valkey_url: str, postgres_url: str, template_url: str) -> Iterator[tuple[str, str]]:
    """An empty Valkey and a database for the module."""
    with Redis.from_url(valkey_url) as redis:
        redis.flushall()
        name, template = "console_in_a_browser", template_url.rpartition("/")[2]
        asyncio.run(execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}"))
        yield valkey_url, f"{postgres_url.rpartition('/')[0]}/{name}"
        asyncio.run(execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))
        redis.flushall()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(own_servers: tuple[str, str]) -> AsyncIterator[Stage]:
    """A system, a console and a browser for the module."""
    redis_url, database_url = own_servers
    async with (
        running_browser() as browser,
        running_system(redis_url, database_url) as system,
        running_console(redis_url, database_url, public_url=system.base_url) as console,
    ):
        yield Stage(system, console, browser)


@pytest_asyncio.fixture(loop_scope="module")
async def page(stage: Stage) -> AsyncIterator[Page]:
    """Give an operator's page; no script may fail in it, and the policy may have nothing to refuse."""
    context = await stage.context()
    (page,) = context.pages
    troubles = watch(page)
    yield page
    await context.close()
    assert troubles == []
