"""A sender's HTTP connection, as aiohttp serves it, except that its errors are JSON."""

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from ingest.answers import REQUEST_ID, RefusalError, id_of, nothing_there, refused, unavailable
from ingest.refusals import turn_away

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class JsonErrors(web.RequestHandler):
    """A connection whose errors are JSON: 400 where a request was no HTTP, 503 where a handler failed."""

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; one of aiohttp's own, such as that to `OPTIONS *`, as ours."""
        if isinstance(resp, web.HTTPException):
            resp = turn_away(request, nothing_there())
        return await super().finish_response(request, resp, start_time)

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
            answer = refused(RefusalError(400, "bad_request", "This is not a valid HTTP request", closes=True))
            _log.debug("request_malformed", request_id=answer.headers[REQUEST_ID], error=type(exc).__name__)
            return answer
        request_id = id_of(request.headers.get(REQUEST_ID))
        message = f"Something went wrong here; in the log it has the id {request_id}"
        _log.error("request_failed", request_id=request_id, path=request.path, exc_info=exc)
        return refused(unavailable(message, code="internal_error", closes=True), given_id=request_id)
