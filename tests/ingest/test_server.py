import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from ingest.metrics import Metrics
from ingest.posts import post_routes
from ingest.refusals import Refusals
from ingest.server import Site

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = Site(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site.port
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", [ValueError, TimeoutError, RecursionError, OSError])
async def test_an_error_of_ours_is_503_with_an_id_that_the_log_has_too(kind: type[Exception]) -> None:
    async def fail(_: web.Request) -> web.StreamResponse:
        raise kind(*["inner workings"])

    with capture_logs() as logs:
        async with serving(fail) as port, aiohttp.request("POST", f"http://127.0.0.1:{port}/") as response:
            text = await response.text()

    assert response.status == 503
    assert response.headers["Retry-After"] == "1"
    assert json.loads(text)["success"] is False
    assert json.loads(text)["code"] == "internal_error"
    assert "inner workings" not in text
    assert "Traceback" not in text
    (entry,) = logs
    assert entry["event"] == "request_failed"
    assert entry["request_id"] in text


async def test_a_post_that_fails_by_an_error_of_ours_is_counted_as_what_it_is_answered() -> None:
    async def fail(_: web.Request) -> None:
        raise ValueError

    metrics = Metrics()
    handler = next(route.handler for route in post_routes("/", fail, metrics, Refusals(metrics)))
    async with serving(handler) as port, aiohttp.request("POST", f"http://127.0.0.1:{port}/") as response:
        assert response.status == 503
    assert metrics.posts == {(503, ""): 1}


async def test_a_sender_that_is_gone_is_nobody_s_error() -> None:
    is_entered, is_gone = asyncio.Event(), asyncio.Event()

    async def fail(_: web.Request) -> web.StreamResponse:
        is_entered.set()
        await is_gone.wait()
        raise ConnectionResetError

    with capture_logs() as logs:
        async with serving(fail) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
            await is_entered.wait()
            writer.close()
            await writer.wait_closed()
            is_gone.set()

    assert logs == []
