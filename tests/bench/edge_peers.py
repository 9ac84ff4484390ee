"""What the edge is held against: `python -m tests.bench.edge_peers empty|arq`, which prints its port.

`empty` reads the body and answers: the framework's limit. `arq` is what the same packages give where each
post awaits one `enqueue_job`.
"""

import asyncio
import os
import sys

import orjson
import uvloop
from aiohttp import web
from arq import create_pool
from arq.connections import RedisSettings

from tests.bench.posts import ANSWER


async def main(peer: str) -> None:
    """Serve one peer until the process is ended."""
    pool = await create_pool(RedisSettings.from_dsn(os.environ["REDIS_URL"])) if peer == "arq" else None

    async def track(request: web.Request) -> web.Response:
        body = await request.read()
        if pool is not None:
            await pool.enqueue_job("apply", orjson.loads(body))
        return web.Response(body=ANSWER, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/track", track)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
