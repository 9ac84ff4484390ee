"""What a sender is told: `{"success": true}`, or a refusal with its code, as JSON."""

import re
import time
import uuid
from email.utils import formatdate
from functools import lru_cache
from typing import Literal

import orjson
from aiohttp import web
from multidict import CIMultiDict

from schemas.reasons import Reason

Code = (
    Reason
    | Literal[
        "bad_request",
        "empty_body",
        "incomplete_body",
        "unreadable_body",
        "invalid_json",
        "invalid_batch",
        "unauthorized",
        "wrong_signature",
        "connection_disabled",
        "not_found",
        "method_not_allowed",
        "too_large",
        "slow_body",
        "overloaded",
        "too_much_at_once",
        "queue_unavailable",
        "connections_unavailable",
        "not_ready",
        "internal_error",
    ]
)
"""The closed vocabulary of an error's `code`: why one message is refused, and why a request is."""

REQUEST_ID = "X-Request-Id"
"""The header of a refusal with an id, the request's own where that will do. What the log tells of it has this id."""

_FIT_FOR_A_LOG = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)
_ACCEPTED = b'{"success":true}'
_OPEN_TO_BROWSERS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After, X-Request-Id"}
_HEADERS = CIMultiDict(
    {"Content-Type": "application/json", "Server": "variance", "Content-Length": str(len(_ACCEPTED))}
    | _OPEN_TO_BROWSERS
)


class RefusalError(Exception):
    """A request is not accepted: the HTTP status, a code for programs and a sentence for people.

    `retry_after_seconds` is given where the trouble is ours, and only there.
    """

    def __init__(
        self,
        status: int,
        code: Code,
        message: str,
        *,
        retry_after_seconds: int | None = None,
        closes: bool = False,
    ) -> None:
        self.status = status
        self.code: Code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.closes = closes
        super().__init__(message)


def unavailable(
    message: str, *, code: Code, retry_after_seconds: int = 1, closes: bool = False
) -> RefusalError:
    """Give the refusal for our own trouble: a sender keeps its message and tries again."""
    return RefusalError(503, code, message, retry_after_seconds=retry_after_seconds, closes=closes)


def accepted() -> web.Response:
    """Answer that everything in the request is in Redis, on disk."""
    return web.Response(body=_ACCEPTED, headers=_HEADERS)


def acknowledgement() -> bytes:
    """Give the same answer as it goes over the wire."""
    return _acknowledgement(int(time.time()))


@lru_cache(maxsize=1)  # its Date has whole seconds
def _acknowledgement(_: int) -> bytes:
    return as_bytes(accepted())


def as_bytes(answer: web.Response) -> bytes:
    """Write an answer as it goes over the wire, on a connection that stays open."""
    body = answer.body
    if not isinstance(body, bytes):
        raise TypeError("only an answer whose body is bytes can be written")
    headers = {**answer.headers, "Content-Length": str(len(body)), "Date": formatdate(usegmt=True)}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def nothing_there() -> RefusalError:
    """Give the refusal of a path that does not exist."""
    return RefusalError(404, "not_found", "There is nothing at this path")


def id_of(given_id: str | None) -> str:
    """Give the id of a refused request: the one that it came with, where that is fit for a log."""
    return given_id if given_id and _FIT_FOR_A_LOG.fullmatch(given_id) else str(uuid.uuid4())


def refused(refusal: RefusalError, *, given_id: str | None = None) -> web.Response:
    """Answer with an error. `given_id` is the id that the request came with."""
    answer = as_json(
        {"success": False, "code": refusal.code, "message": refusal.message},
        status=refusal.status,
    )
    answer.headers[REQUEST_ID] = id_of(given_id)
    if refusal.retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after_seconds)
    answer.headers.update(_OPEN_TO_BROWSERS)
    if refusal.closes:
        answer.force_close()
    return answer


def as_json(value: object, *, status: int = 200) -> web.Response:
    """Answer with any JSON."""
    return web.Response(
        body=orjson.dumps(value),
        status=status,
        headers={"Server": "variance"},
        content_type="application/json",
    )
