"""The console as a process."""

import asyncio
import socket
import sys
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest

from tests import processes
from tests.processes import refusal_of, until_logged
from tests.waiting import DEADLINE_SECONDS


def started(**environment: str) -> AbstractAsyncContextManager[Process]:
    """Start a console that finds no servers, unless the environment says where they are."""
    servers = {"REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/d"}
    return processes.started(sys.executable, "-m", "worker.console", **servers | environment)


async def refusal(**environment: str) -> str:
    """Start a console that ends by itself with exit code 1; give the one line that it says."""
    async with started(LOG_LEVEL="error", **environment) as process:
        return await refusal_of(process)


async def test_a_free_port_that_was_asked_for_is_told_and_sigterm_ends_it(redis_url: str, database_url: str) -> None:
    async with started(CONSOLE_PORT="0", REDIS_URL=redis_url, DATABASE_URL=database_url) as process:
        port = (await until_logged(process, "listening"))["port"]
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}/health/live") as answer:
            assert answer.status == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), DEADLINE_SECONDS) == 0


@pytest.mark.parametrize("host", ["999.1.1.1", "a..b", "192.0.2.1"])
async def test_an_address_where_nobody_can_listen_is_one_line_and_exit_1(host: str) -> None:
    told = await refusal(CONSOLE_HOST=host, CONSOLE_PORT="0")
    assert told.startswith(f"console: CONSOLE_HOST is wrong: cannot listen on {host}:0: ")


async def test_a_port_that_is_taken_is_one_line_and_exit_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = await refusal(CONSOLE_PORT=str(port))
    assert told == f"console: CONSOLE_PORT is wrong: cannot listen on 127.0.0.1:{port}: address already in use"
