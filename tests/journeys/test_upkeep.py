"""What a worker does beside its drains may fail, and neither ends it nor keeps the next turn from coming."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import asyncpg
import pytest
from structlog.testing import capture_logs

from schemas.settings import WorkerSettings
from tests.waiting import eventually
from worker.failure import SERVERS_AWAY
from worker.service import open_service
from worker.serving import Serving
from worker.upkeep import publish_now_and_then, shorten_now_and_then, tell_what_is_served, trim_now_and_then

_NO_POOL = cast("asyncpg.Pool", None)
_LOOPS: list[Callable[..., Coroutine[Any, Any, None]]] = [
    lambda service, stopping: publish_now_and_then(_NO_POOL, service.redis, stopping),
    lambda service, stopping: tell_what_is_served(
        Serving(("w",)), _NO_POOL, service.redis, service.sweep.streams, stopping
    ),
    lambda _, stopping: trim_now_and_then(_NO_POOL, stopping),
    lambda _, stopping: shorten_now_and_then(_NO_POOL, stopping),
]


@pytest.mark.parametrize("loop", _LOOPS)
async def test_a_failure_that_is_no_servers_is_told_without_its_text_and_ends_nothing(
    loop: Callable[..., Coroutine[Any, Any, None]], redis_url: str, database_url: str
) -> None:
    stopping = asyncio.Event()
    settings = WorkerSettings(redis_url=redis_url, database_url=database_url)
    async with open_service(settings, stopping) as service:
        with capture_logs() as logs:
            running = asyncio.create_task(loop(service, stopping))

            async def is_told() -> bool:
                return bool(logs) or running.done()

            await eventually(is_told, "the failure to be told")
            stopping.set()
            await running
    assert [(line["log_level"], line["failure"]) for line in logs] == [("error", "AttributeError")]
    assert "acquire" not in str(logs)


def test_a_connection_that_was_cut_unnoticed_is_a_server_that_is_away() -> None:
    assert issubclass(asyncpg.InternalClientError, SERVERS_AWAY)
