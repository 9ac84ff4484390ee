"""What a process need not load, it does not: each part of the system starts a process of its own, and waits for it."""

import subprocess
import sys

import pytest

# By the module that is loaded: what it must not bring with it.
NOT_LOADED = {
    "ingest.__main__": {"asyncpg", "arq", "click", "publicsuffixlist", "opentelemetry"},
    "worker.__main__": {"aiohttp", "click", "jinja2", "psutil", "opentelemetry"},
    "worker.console.__main__": {"click", "psutil", "honcho", "opentelemetry"},
    "worker.cli.program": {"aiohttp", "asyncio", "asyncpg", "psutil", "redis", "rich", "structlog"},
    "worker.cli.env": {"aiohttp", "asyncio", "asyncpg", "redis", "rich", "structlog"},
    "worker.cli.status": {"aiohttp", "jinja2", "rich.progress", "honcho"},
    "worker.cli.up": {"aiohttp", "jinja2", "rich.progress", "worker.demo"},
}


@pytest.mark.parametrize("module", NOT_LOADED)
def test_a_module_brings_nothing_with_it_that_it_does_not_need(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(NOT_LOADED[module].intersection(loaded)) == []


def test_public_suffixes_are_not_read_before_there_is_an_address() -> None:
    program = (
        "import publicsuffixlist; publicsuffixlist.PublicSuffixList.__init__ = None\n"
        "import ingest.__main__, worker.__main__, worker.console.__main__, worker.cli.up"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
