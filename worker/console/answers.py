"""What every answer of the console has: headers that bind the browser, and a page for each failure."""

import uuid

import asyncpg
import structlog
from aiohttp import web
from redis.exceptions import RedisError

from worker.console.access import STATIC_PATH, Handler
from worker.console.parts import draw
from worker.failure import POSTGRES_AWAY
from worker.failure_reason import reason_of

_LOG = structlog.get_logger(__name__)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it, browsers tell no origin of a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_TITLES = {403: "Not allowed", 404: "There is nothing here", 413: "Too large", 401: "Sign in again"}
# Not SERVERS_AWAY: of a page, a RuntimeError is rather a mistake of ours, of which the log should have all.
_UNAVAILABLE = (RedisError, *POSTGRES_AWAY)


async def bind_browser(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to an answer that is about to go out."""
    for name, value in _HEADERS.items():
        response.headers[name] = value
    if not request.path.startswith(STATIC_PATH):
        response.headers["Cache-Control"] = "no-store"


@web.middleware
async def explain_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Draw a page for what goes wrong: who is in trouble, and what to do."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:  # noqa: PLR2004 (no failure)
            raise
        text = answer.text if answer.text and not answer.text.startswith(f"{answer.status}:") else ""
        return _page(request, answer.status, _TITLES.get(answer.status, answer.reason), text or "")
    except asyncpg.QueryCanceledError:
        text = "It was given up after a few seconds, so that messages are not held up. Ask for less."
        return _page(request, 503, "That took Postgres too long", text)
    except _UNAVAILABLE as failure:
        if request.transport is None or request.transport.is_closing():
            raise  # the reader is gone, which is nobody's trouble
        server = "Redis" if isinstance(failure, RedisError) else "Postgres"
        _LOG.warning("page failed", path=request.path, failure=type(failure).__name__)
        text = f"{reason_of(failure).capitalize()}. Messages are still accepted while Redis is there, and wait in it."
        return _page(request, 503, f"{server} cannot be used just now", text)
    except Exception:  # noqa: BLE001 (whatever it is, the reader gets a page, and the log the rest)
        failure_id = str(uuid.uuid4())
        _LOG.exception("page failed", path=request.path, failure_id=failure_id)
        return _page(request, 500, "Something went wrong here", f"The log has more, under {failure_id}.")


def _page(request: web.Request, status: int, title: str, text: str) -> web.Response:
    template = "part_fault.html" if request.headers.get("HX-Request") else "fault.html"
    return draw(template, request, status, fault_title=title, fault_text=text)
