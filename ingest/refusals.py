"""Refused posts: counted, and logged under the id that the answer carries in `X-Request-Id`.

An accepted post needs no such id: its connection and messageId name it from here to its row. Whoever floods the
endpoint with bad posts does not flood the log.
"""

import time

import structlog
from aiohttp import web

from ingest.answers import REQUEST_ID, RefusalError, refused
from ingest.metrics import Metrics

_LINES_A_SECOND = 20

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


def turn_away(request: web.BaseRequest, refusal: RefusalError) -> web.Response:
    """Give the answer to a request that is no post, and that nobody takes."""
    answer = refused(refusal, given_id=request.headers.get(REQUEST_ID))
    # Not louder: who looks for holes everywhere asks for paths that are not there all day.
    _log.debug("request_refused", request_id=answer.headers[REQUEST_ID], status=refusal.status, code=refusal.code)
    return answer


class Refusals:
    """Answers refused posts. Of a second's refusals some are logged, and how many were left out with a later one."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._second = 0
        self._lines = 0
        self._left_out = 0

    def answer(self, refusal: RefusalError, *, connection_id: str, given_id: str | None = None) -> web.Response:
        """Count and log a refusal, and give its answer. `given_id` is the id that the request came with."""
        self._metrics.posts[refusal.status, connection_id] += 1
        answer = refused(refusal, given_id=given_id)
        self._tell(refusal, answer.headers[REQUEST_ID], connection_id)
        return answer

    def _tell(self, refusal: RefusalError, request_id: str, connection_id: str) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines >= _LINES_A_SECOND:
            self._left_out += 1
            return
        self._lines += 1
        left_out, self._left_out = self._left_out, 0
        _log.info(  # ids and codes only: the text may repeat what was posted
            "post_refused",
            request_id=request_id,
            connection_id=connection_id or None,
            status=refusal.status,
            code=refusal.code,
            **({"left_out": left_out} if left_out else {}),
        )
