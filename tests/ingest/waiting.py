"""Waiting for a condition, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_DEADLINE_SECONDS = 10.0
_PAUSE_SECONDS = 0.01


def until(condition: Callable[[], bool], within_seconds: float = _DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(_PAUSE_SECONDS)


async def eventually(condition: Callable[[], Awaitable[bool]], within_seconds: float = _DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + within_seconds
    while not await condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        await asyncio.sleep(_PAUSE_SECONDS)
