"""The TCP port on which an application is served."""

import asyncio
from typing import Any, cast

from aiohttp import web

from ingest.json_errors import JsonErrors
from ingest.sockets import SOCKETS
from ingest.straight_posts import LANE, StraightPosts

_BACKLOG_CONNECTIONS = 1024


class Site(web.BaseSite):
    """A TCP port on which an application's runner is served. Raises one of CANNOT_LISTEN where it cannot be had."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        super().__init__(runner, backlog=_BACKLOG_CONNECTIONS)
        self._host = host
        self.port = port

    @property
    def name(self) -> str:
        """The address, as a URL."""
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen. Port 0 becomes a free one."""
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connection, self._host, self.port, backlog=self._backlog
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _connection(self) -> JsonErrors:
        server = self._runner.server
        if server is None:
            error = "the runner is not set up"
            raise RuntimeError(error)
        options: dict[str, Any] = {
            "loop": asyncio.get_running_loop(),
            "access_log": None,
            "auto_decompress": False,  # aiohttp hands on a truncated body as if it were whole
        }
        app = cast("web.AppRunner", self._runner).app
        if LANE not in app:
            return JsonErrors(server, **options)
        return StraightPosts(app[LANE], app[SOCKETS], server, **options)
