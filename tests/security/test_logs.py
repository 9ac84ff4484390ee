"""Whatever goes wrong, wherever nobody expected it: the log says where and of which type, never what it was about."""

import subprocess
import sys

import pytest

CANARY = "nobody-is-told"
WAYS = {
    "a logged failure": "log.exception('failed')",
    "a cause": "log.exception('failed', exc_info=caused())",
    "a group": "log.error('failed', exc_info=ExceptionGroup(canary, [failure(), failure()]))",
    "another library's logger": "logging.getLogger('aiohttp.server').exception('failed')",
    "a task that nobody waits for": "asyncio.run(forgotten())",
    "a call that fails in the loop": "asyncio.run(called())",
    "the end of the process": "raise failure()",
}
PROGRAM = """
import asyncio, logging, structlog
from schemas.logs import log_unhandled, set_up_logs
set_up_logs("debug")
log = structlog.get_logger()
canary = "nobody-" + "is-told"

def failure():
    error = ValueError(canary)
    error.add_note(canary)
    return error

def caused():
    error = failure()
    error.__cause__ = KeyError(canary)
    return error

async def failing():
    raise failure()

async def forgotten():
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    del task
    await asyncio.sleep(0)

def fail():
    raise failure()

async def called():
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)

try:
    raise failure()
except ValueError:
    {way}
"""


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_failure_is_logged_without_its_text(way: str) -> None:
    program = PROGRAM.replace("{way}", way)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert CANARY not in ended.stdout + ended.stderr
    assert '"ValueError"' in ended.stderr
    assert '"frames"' in ended.stderr
