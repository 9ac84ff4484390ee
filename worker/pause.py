"""Waiting for a while, and no longer than until the process stops."""

import asyncio
from contextlib import suppress


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Return after so many seconds, or as soon as the process stops."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
