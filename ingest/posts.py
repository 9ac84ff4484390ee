"""What all paths that take posts share: the answer, its count, the browser's preflight, other methods."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web

from ingest.access import CONNECTION_ID
from ingest.answers import REQUEST_ID, RefusalError, accepted, as_json, nothing_there
from ingest.metrics import Metrics
from ingest.refusals import Refusals, turn_away

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Take = Callable[[web.Request], Awaitable[None]]
"""Returns where everything in the request was accepted; raises RefusalError where not."""

_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Max-Age": "86400",
    "Vary": "Access-Control-Request-Headers",
}
_TOO_MANY = 429
_USUAL_HEADERS = "authorization, content-type, x-retry-count"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, \t-]{1,1000}", re.ASCII)


def post_routes(path: str, take: Take, metrics: Metrics, refusals: Refusals) -> list[web.RouteDef]:
    """Give the routes of a path that takes posts, with and without a trailing slash."""
    return [
        route
        for spelling in (path, f"{path}/")
        for route in (
            _route("POST", spelling, _answering(take, metrics, refusals)),
            _route("OPTIONS", spelling, preflight),
            _route("*", spelling, refuse_method("POST, OPTIONS")),
        )
    ]


def get_routes(path: str, handler: Handler) -> list[web.RouteDef]:
    """Give the routes of a path that is only read."""
    return [
        web.get(path, handler, expect_handler=_go_on),
        _route("*", path, refuse_method("GET, HEAD")),
    ]


def other_routes() -> list[web.RouteDef]:
    """Give the routes of every path that is none of the others, which are to come before."""
    return [_route("*", "/{path:.*}", refuse_path)]


async def preflight(request: web.Request) -> web.StreamResponse:
    """Answer a browser that asks whether it may post: it may, with whatever headers it names."""
    asked = request.headers.get("Access-Control-Request-Headers", "")
    allowed = asked if _HEADER_NAMES.fullmatch(asked) else _USUAL_HEADERS
    answer = as_json({"success": True})
    answer.headers.update(_PREFLIGHT_HEADERS)
    answer.headers["Access-Control-Allow-Headers"] = allowed
    return answer


def refuse_method(allowed: str) -> Handler:
    """Give the handler of every method that a path does not know."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        message = f"{request.method} is not allowed here; {allowed} are"
        answer = turn_away(request, RefusalError(405, "method_not_allowed", message))
        answer.headers["Allow"] = allowed
        return answer

    return refuse


async def refuse_path(request: web.Request) -> web.StreamResponse:
    """Answer on every path that does not exist."""
    return turn_away(request, nothing_there())


def _route(method: str, path: str, handler: Handler) -> web.RouteDef:
    return web.route(method, path, handler, expect_handler=_go_on)


async def _go_on(request: web.Request) -> None:
    """Tell a sender that asks before it sends a body to go on; whatever else it may expect is passed over."""
    if request.version == HttpVersion11 and request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself is yet to come


def _rest_seconds(refusal: RefusalError) -> float:
    """Give how long the answer is kept back: who floods may not heed Retry-After, but has to wait for an answer.

    Not all the same time, or all would be back at once.
    """
    return (refusal.retry_after_seconds or 0) * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)


def _answering(take: Take, metrics: Metrics, refusals: Refusals) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        started_at = time.perf_counter()
        try:
            await take(request)
        except RefusalError as refusal:
            connection_id, given_id = request.get(CONNECTION_ID, ""), request.headers.get(REQUEST_ID)
            answer = refusals.answer(refusal, connection_id=connection_id, given_id=given_id)
            if refusal.status == _TOO_MANY:
                await asyncio.sleep(_rest_seconds(refusal))
            return answer
        except ConnectionError:  # the sender is gone, and gets no answer
            raise
        except Exception:
            metrics.posts[503, request.get(CONNECTION_ID, "")] += 1
            raise
        metrics.posts[200, request.get(CONNECTION_ID, "")] += 1
        metrics.acknowledgement_seconds.observe(time.perf_counter() - started_at)
        return accepted()

    return answer
