"""Servers for all tests: one embedded Valkey, emptied for each test; one embedded Postgres, a database for each."""

import asyncio
import contextlib
import itertools
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from redis import Redis

from tests.statements import execute
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.valkey import EmbeddedValkey
from worker.migrate import bring_up_to_date

# Whoever runs the tests in the background may have them ignore it, and with them every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's affair. What a fixture gives serves all examples of a test: each has a
# workspace of its own.
settings.register_profile(
    "variance", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
settings.load_profile("variance")

_TEMPLATE = "variance_template"
_numbers = itertools.count(1)

_MEMORY = Path("/dev/shm")  # noqa: S108 (what is made in it has a name of its own)
_PLENTY_BYTES = 8_000_000_000


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey for the whole run."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"))
    yield server.start()
    server.stop()


@pytest.fixture
def redis_url(valkey_url: str) -> Iterator[str]:
    """An empty Valkey."""
    with Redis.from_url(valkey_url) as redis:
        redis.flushall()
        yield valkey_url
        redis.flushall()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres for the whole run."""
    with _quickest_folder(tmp_path_factory) as folder:
        server = EmbeddedPostgres(folder)
        yield server.start()
        server.stop()


@pytest.fixture(scope="session")
def python_sdk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of a version of the Python SDK."""
    installed: dict[str, Path] = {}

    def install(requirement: str) -> Path:
        if requirement not in installed:
            folder = tmp_path_factory.mktemp("python-sdk")
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), requirement]
            subprocess.run(command, check=True)
            installed[requirement] = folder
        return installed[requirement]

    return install


@pytest.fixture(scope="session")
def template_url(postgres_url: str) -> str:
    """A migrated database that is never used itself."""
    url = _with_database(postgres_url, _TEMPLATE)
    # Databases come and go with each test; what survives a crash is tested on servers of its own.
    asyncio.run(execute(postgres_url, "ALTER SYSTEM SET fsync = off"))
    asyncio.run(execute(postgres_url, "SELECT pg_reload_conf()"))
    asyncio.run(execute(postgres_url, f"CREATE DATABASE {_TEMPLATE}"))
    asyncio.run(bring_up_to_date(url))
    return url


@pytest.fixture
async def database_url(postgres_url: str, template_url: str) -> AsyncIterator[str]:  # noqa: ARG001 (has to exist)
    """A migrated database of the test's own."""
    name = f"test_{next(_numbers)}"
    await execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    yield _with_database(postgres_url, name)
    await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to the test's own database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@contextlib.contextmanager
def _quickest_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory, where there is plenty: a database for each test is three hundred files made and removed."""
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _PLENTY_BYTES:
        with tempfile.TemporaryDirectory(prefix="pytest-of-variance-", dir=_MEMORY) as folder:
            Path(folder).chmod(0o711)  # as root, Postgres is another user
            yield Path(folder, "postgres")
    else:
        yield tmp_path_factory.mktemp("postgres")


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=f"/{name}").geturl()
