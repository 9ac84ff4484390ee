"""Who gets in: a session for everything but the sign-in page, and for each change proof that our own page asked for it.

A change must come from our own origin, as browsers tell, and carry the session's token.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import quote, urlsplit

from aiohttp import web

from worker.console.parts import SESSION, SESSION_TOKEN, SETTINGS, now, open_database, read_form
from worker.console.tokens import is_csrf_token, new_token, token_sha256
from worker.store.console_users import extend_session, find_session, forget_ended, insert_session

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SIGN_IN_PATH = "/sign-in"
STATIC_PATH = "/static/"
LIVE_PATH = "/health/live"
METRICS_PATH = "/metrics"

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_MOST_SIGN_IN_BYTES = 16 * 1024
_EXTEND_AFTER = timedelta(minutes=5)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in whoever may come in."""
    if request.path.startswith(STATIC_PATH) or request.path in (LIVE_PATH, METRICS_PATH):
        return await handler(request)
    is_change = request.method not in _SAFE_METHODS
    if is_change and not _is_own_origin(request):
        raise web.HTTPForbidden(text="This change did not come from one of the console's own pages.")
    is_known = await _recognize(request)
    if request.path == SIGN_IN_PATH:
        if is_change and not 0 <= (request.content_length or -1) <= _MOST_SIGN_IN_BYTES:
            raise web.HTTPRequestEntityTooLarge(_MOST_SIGN_IN_BYTES, request.content_length or 0)
        return await handler(request)
    if not is_known:
        return _to_sign_in(request)
    if is_change:
        given = request.headers.get("X-CSRF-Token") or (await read_form(request)).get("csrf", "")
        if not is_csrf_token(given, request[SESSION_TOKEN]):
            raise web.HTTPForbidden(text="This page is out of date: reload it, and try again.")
    return await handler(request)


async def begin_session(request: web.Request, user_id: int, response: web.StreamResponse) -> None:
    """Sign somebody in: a new session, whose token the browser keeps from scripts and from other sites."""
    token = new_token()
    async with open_database(request) as database:
        await forget_ended(database, now())
        await insert_session(database, token_sha256(token), user_id, now(), now() + _life(request))
    response.set_cookie(
        cookie_name(request), token, path="/", httponly=True, samesite="Strict", secure=is_secure(request)
    )


def cookie_name(request: web.Request) -> str:
    """Name the session's cookie; the prefix has browsers refuse one that another host has set."""
    return "__Host-variance" if is_secure(request) else "variance_console"


def is_secure(request: web.Request) -> bool:
    """Tell whether browsers reach the console by HTTPS."""
    return (request.app[SETTINGS].console_url or "").startswith("https://")


async def _recognize(request: web.Request) -> bool:
    token = request.cookies.get(cookie_name(request))
    if not token:
        return False
    async with open_database(request) as database:
        session = await find_session(database, token_sha256(token), now())
        if session is None:
            return False
        if session.expires_at < now() + _life(request) - min(_EXTEND_AFTER, _life(request) / 10):
            await extend_session(database, token_sha256(token), now() + _life(request))
    request[SESSION], request[SESSION_TOKEN] = session, token
    return True


def _to_sign_in(request: web.Request) -> web.StreamResponse:
    if request.headers.get("HX-Request"):
        return web.Response(status=401, headers={"HX-Redirect": SIGN_IN_PATH})
    if request.method not in _SAFE_METHODS or request.path.startswith("/live/"):
        raise web.HTTPUnauthorized(text="Your session has ended: sign in again.")
    raise web.HTTPSeeOther(f"{SIGN_IN_PATH}?next={quote(request.path_qs, safe='')}")


def _is_own_origin(request: web.Request) -> bool:
    origin = request.headers.get("Origin", "")
    own = {request.host, urlsplit(request.app[SETTINGS].console_url or "").netloc}
    return origin.startswith(("http://", "https://")) and urlsplit(origin).netloc in own


def _life(request: web.Request) -> timedelta:
    return timedelta(seconds=request.app[SETTINGS].console_session_seconds)
