"""Refused posts: counted, and logged under the id that the answer carries in `X-Request-Id`.

An accepted post needs no such id: its connection and messageId name it from here to its row. Whoever floods the
endpoint with bad posts does not flood the log.
"""

import re
import time
import uuid

import structlog
from aiohttp import web

from ingest.answers import RefusalError, refused
from ingest.metrics import Metrics

REQUEST_ID = "X-Request-Id"

_LINES_A_SECOND = 20
_FIT_FOR_A_LOG = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Refusals:
    """Answers refused posts. Of a second's refusals some are logged, and how many were left out with a later one."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._second = 0
        self._lines = 0
        self._left_out = 0

    def answer(self, refusal: RefusalError, *, connection_id: str, given_id: str | None = None) -> web.Response:
        """Count and log a refusal, and give its answer. `given_id` is the id that the request came with."""
        request_id = given_id if given_id and _FIT_FOR_A_LOG.fullmatch(given_id) else str(uuid.uuid4())
        self._metrics.posts[refusal.status, connection_id] += 1
        self._tell(refusal, request_id, connection_id)
        answer = refused(refusal)
        answer.headers[REQUEST_ID] = request_id
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
