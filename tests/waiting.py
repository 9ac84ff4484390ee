"""Waiting for a condition, with a deadline and never for a guessed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_Value = TypeVar("_Value")

DEADLINE_SECONDS = 20.0
_PAUSE_SECONDS = 0.005


async def eventually(
    condition: Callable[[], Awaitable[bool]], what: str, within_seconds: float = DEADLINE_SECONDS
) -> None:
    """Wait until a condition holds; fail with `what` if it does not in time."""
    ends_at = time.monotonic() + within_seconds
    while not await condition():
        assert time.monotonic() < ends_at, f"waited {within_seconds} s in vain: {what}"
        await asyncio.sleep(_PAUSE_SECONDS)


def until(condition: Callable[[], _Value], what: str, within_seconds: float = DEADLINE_SECONDS) -> _Value:
    """Wait as `eventually` does, where no event loop runs; give the condition's value."""
    ends_at = time.monotonic() + within_seconds
    while not (value := condition()):
        assert time.monotonic() < ends_at, f"waited {within_seconds} s in vain: {what}"
        time.sleep(_PAUSE_SECONDS)
    return value
