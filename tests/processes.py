"""One of the product's processes, in an environment of its own."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

_DEADLINE_SECONDS = 10


@asynccontextmanager
async def started(*command: str, **environment: str) -> AsyncIterator[Process]:
    """Run a command with these variables and the path alone, until the block ends."""
    environment["PATH"] = os.environ["PATH"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until_logged(process: Process, event: str) -> dict[str, Any]:
    """Wait for an event in the log; give its record."""
    assert process.stderr is not None
    while line := await asyncio.wait_for(process.stderr.readline(), _DEADLINE_SECONDS):
        record: dict[str, Any] = json.loads(line)
        if record["event"] == event:
            return record
    pytest.fail("the process ended")


async def refusal_of(process: Process) -> str:
    """Wait until a process has ended by itself with exit code 1; give the one line that it said."""
    _, errors = await asyncio.wait_for(process.communicate(), _DEADLINE_SECONDS)
    (line,) = errors.decode().splitlines()
    assert process.returncode == 1
    return line
