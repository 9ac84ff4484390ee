"""An edge on a thread of its own, for those who call it and cannot await: Hypothesis' functions, other HTTP clients."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from tests.ingest.conftest import publish_default
from tests.ingest.edge import Edge, running_edge

_DEADLINE_SECONDS = 20

_Given = TypeVar("_Given")


class Caller:
    """Calls an edge, and waits for what comes of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, edge: Edge) -> None:
        self._loop = loop
        self._edge = edge
        self.url = f"http://127.0.0.1:{edge.port}"

    def call(self, work: Callable[[Edge], Awaitable[_Given]]) -> _Given:
        async def worked() -> _Given:
            return await work(self._edge)

        return asyncio.run_coroutine_threadsafe(worked(), self._loop).result(_DEADLINE_SECONDS)


@contextmanager
def edge_on_a_thread(redis_url: str, **settings: Any) -> Iterator[Caller]:
    """Give a caller of an edge that knows the default connection."""
    loop = asyncio.new_event_loop()
    with ExitStack() as stack:
        thread = stack.enter_context(ThreadPoolExecutor(1))
        thread.submit(loop.run_forever)
        running = running_edge(redis_url, **settings)
        asyncio.run_coroutine_threadsafe(publish_default(redis_url), loop).result(_DEADLINE_SECONDS)
        edge = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(_DEADLINE_SECONDS)
        try:
            yield Caller(loop, edge)
        finally:
            ended = asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop)
            ended.result(_DEADLINE_SECONDS)
            loop.call_soon_threadsafe(loop.stop)
    loop.close()
