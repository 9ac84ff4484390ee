"""Waiting for a condition, with a deadline and never for a guessed time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

_Value = TypeVar("_Value")

DEADLINE_SECONDS = 20.0
_PAUSE_SECONDS = 0.005
_STEP_SECONDS = 0.01


async def eventually(
    condition: Callable[[], Awaitable[bool]], what: str, within_seconds: float = DEADLINE_SECONDS
) -> None:
    """Wait until a condition holds; fail with `what` if it does not in time."""
    ends_at = time.monotonic() + within_seconds
    while not await condition():
        assert time.monotonic() < ends_at, f"waited {within_seconds} s in vain: {what}"
        await asyncio.sleep(_PAUSE_SECONDS)


class OwnSeconds:
    """A clock that goes by short steps of this event loop: where the machine has no time for us, it goes slower.

    For a bound that is promised, and that a busy machine would break though the product did not.
    """

    def __init__(self) -> None:
        self.passed = 0.0

    async def go_on(self) -> None:
        while True:
            await asyncio.sleep(_STEP_SECONDS)
            self.passed += _STEP_SECONDS


@asynccontextmanager
async def own_seconds() -> AsyncIterator[OwnSeconds]:
    """Give a clock that goes while the block runs."""
    clock = OwnSeconds()
    going = asyncio.create_task(clock.go_on())
    try:
        yield clock
    finally:
        going.cancel()


def until(condition: Callable[[], _Value], what: str, within_seconds: float = DEADLINE_SECONDS) -> _Value:
    """Wait as `eventually` does, where no event loop runs; give the condition's value."""
    ends_at = time.monotonic() + within_seconds
    while not (value := condition()):
        assert time.monotonic() < ends_at, f"waited {within_seconds} s in vain: {what}"
        time.sleep(_PAUSE_SECONDS)
    return value
