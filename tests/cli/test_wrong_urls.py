"""Processes with a URL that their clients cannot read: each ends with one line, which names the variable."""

import sys
from itertools import product

import pytest

from tests.processes import refusal_of, started

SERVERS = {"REDIS_URL": "redis://127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/d"}
PROCESSES = {
    "web": ("ingest",),
    "worker": ("worker",),
    "console": ("worker.console",),
    "variance": ("worker.cli", "status"),
}


URLS = [
    ("REDIS_URL", "redis://:hunter2@[::1:6379"),
    ("REDIS_URL", "redis+sentinel://:hunter2@[::1/m"),
    ("REDIS_URL", "redis://:hunter2@h/0?socket_timeout=abc"),
    ("REDIS_URL", "redis+sentinel://:hunter2@h:1/m/abc"),
    ("ARQ_REDIS_URL", "redis://:hunter2@h?db=x"),
    ("DATABASE_URL", "postgresql://me:hunter2@[::1:5432/d"),
    ("DATABASE_URL", "postgresql://me:hunter2@h/d?port=abc"),
]
CASES = [
    (process, name, url) for process, (name, url) in product(PROCESSES, URLS)
    if process != "web" or name == "REDIS_URL"  # which reads no other
]  # fmt: skip


@pytest.mark.parametrize(("process_name", "name", "url"), CASES)
async def test_a_url_that_no_client_can_read_is_one_line_that_names_the_variable(
    process_name: str, name: str, url: str
) -> None:
    environ = SERVERS | {"PORT": "0", "CONSOLE_PORT": "0", "LOG_LEVEL": "error", name: url}
    async with started(sys.executable, "-m", *PROCESSES[process_name], **environ) as process:
        told = await refusal_of(process)
    assert told.startswith(f"{process_name}: {name} ")
    assert "hunter2" not in told
