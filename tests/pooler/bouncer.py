"""A real PgBouncer in transaction mode, before the tests' Postgres."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from worker.embedded.address import free_port

_KEEPS_STATEMENTS_SINCE = (1, 21)
_LEFT_OUT = os.environ.get("VARIANCE_TESTS_WITHOUT_PGBOUNCER", "") not in ("", "0")


def program() -> str:
    """Find PgBouncer; fail where it is missing, unless whoever runs the tests leaves these out."""
    if _LEFT_OUT:
        pytest.skip("VARIANCE_TESTS_WITHOUT_PGBOUNCER is set")
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("pgbouncer", path=path)
    if found is None:
        pytest.fail(
            "no pgbouncer: apt-get install pgbouncer (or brew install pgbouncer), "
            "or leave these tests out with VARIANCE_TESTS_WITHOUT_PGBOUNCER=1"
        )
    return found


def keeps_statements() -> bool:
    """Tell whether this PgBouncer can keep prepared statements."""
    said = subprocess.run([program(), "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found is not None, said
    return (int(found[1]), int(found[2])) >= _KEEPS_STATEMENTS_SINCE


@asynccontextmanager
async def pgbouncer(database_url: str, folder: Path, *settings: str) -> AsyncIterator[str]:
    """Run PgBouncer before a database; give the URL that leads through it.

    Each transaction takes the server connection that was used longest ago, so that no two in a row have the same.
    """
    parts = urlsplit(database_url)
    name = parts.path.lstrip("/")
    port = free_port()
    file = folder / "pgbouncer.ini"
    file.write_text("\n".join([
        "[databases]",
        f"{name} = host={parts.hostname} port={parts.port} user={parts.username} password={parts.password}",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        "pool_mode = transaction",
        "default_pool_size = 8",
        "min_pool_size = 4",
        "max_client_conn = 100",
        "server_round_robin = 1",
        *(["user = nobody"] if os.geteuid() == 0 else []),
        *settings,
    ]))  # fmt: skip
    log = folder / "pgbouncer.log"
    with log.open("wb") as errors:
        process = subprocess.Popen([program(), "--quiet", str(file)], stderr=errors)  # noqa: ASYNC220 (starts at once)
    try:
        while not await _answers(port):
            if process.poll() is not None:
                pytest.fail(log.read_text())
        yield parts._replace(netloc=f"anybody@127.0.0.1:{port}").geturl()
    finally:
        process.kill()
        process.wait()


async def _answers(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    await asyncio.sleep(0.005)
    return False
