"""A `web` process under a benchmark, and posts to it."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any, cast

import aiohttp
import orjson

from tests.bench.both_servers import Servers
from tests.bench.cores import pinned


@contextmanager
def running_web(servers: Servers, cores: set[int], **settings: str) -> Iterator[tuple[int, int]]:
    """Run one `web` process on these cores, with further variables; give its port and its pid."""
    with pinned(cores):
        environ = servers.environ(PORT="0", HOST="127.0.0.1", LOG_LEVEL="info", **settings)
        web = subprocess.Popen([sys.executable, "-m", "ingest"], env=environ, stderr=subprocess.PIPE, text=True)
    try:
        yield _port(cast("IO[str]", web.stderr)), web.pid
    finally:
        web.terminate()
        web.communicate()


def _port(log: IO[str]) -> int:
    for line in log:
        record = json.loads(line)
        if record["event"] == "listening":
            return int(record["port"])
    raise RuntimeError("the web process ended")


@asynccontextmanager
async def connected(port: int, secret: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Open connections with a secret."""
    credentials = aiohttp.BasicAuth(secret, "")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", auth=credentials) as http:
        yield http


async def post_batch(http: aiohttp.ClientSession, messages: list[dict[str, Any]]) -> None:
    """Post messages as one batch; fails where they are not acknowledged."""
    async with http.post("/v1/batch", data=orjson.dumps({"batch": messages})) as answer:
        answer.raise_for_status()
        await answer.read()
