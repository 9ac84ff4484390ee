"""The HTTP server: aiohttp's, except that it speaks JSON where no handler of ours gets to answer."""

import asyncio
import uuid

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from ingest.answers import RefusalError, refused, unavailable

_log: structlog.stdlib.BoundLogger = structlog.get_logger()

_KEEPALIVE_SECONDS = 75.0
"""A little longer than the minute after which load balancers usually give up an idle connection."""

_BACKLOG_CONNECTIONS = 1024


class JsonErrors(web.RequestHandler):
    """A connection whose errors are JSON: 400 where a request was no HTTP, 503 where a handler failed."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Give the answer to a request that failed, with an id under which the log has more."""
        if request.writer.output_size > 0:
            error = "an answer was already under way"
            raise ConnectionError(error)
        if isinstance(exc, ConnectionError):
            raise exc  # the sender is gone: there is nobody to answer
        if isinstance(exc, HttpProcessingError) and status < 500:  # noqa: PLR2004
            _log.debug("request_malformed", error=type(exc).__name__)
            refusal = RefusalError(400, "bad_request", "This is not a valid HTTP request", closes=True)
        else:
            request_id = str(uuid.uuid4())
            message = f"Something went wrong here; in the log it has the id {request_id}"
            _log.error("request_failed", request_id=request_id, path=request.path, exc_info=exc)
            refusal = unavailable(message, code="internal_error", closes=True)
        return refused(refusal)


class Site(web.BaseSite):
    """A TCP port on which an application's runner is served. Raises OSError where it cannot be had."""

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
        return JsonErrors(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,  # aiohttp hands on a truncated body as if it were whole
            keepalive_timeout=_KEEPALIVE_SECONDS,
        )
