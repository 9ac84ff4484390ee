"""Signing in, with a password or a one-time link, and out."""

from aiohttp import web

from schemas.tolerant_json import storable
from worker.console.access import SIGN_IN_PATH, begin_session, cookie_name
from worker.console.parts import (
    PASSWORDS,
    SESSION,
    SESSION_TOKEN,
    draw,
    now,
    open_database,
    read_form,
    see_other,
)
from worker.console.passwords import TooManyFailuresError
from worker.console.tokens import token_sha256
from worker.store.audit import insert_audit_entry
from worker.store.console_users import delete_session, find_link, find_user, take_link

_WRONG = "Name and password do not fit together."
_TOO_MANY = "Too many wrong passwords for this name: wait five minutes."
_LINK_GONE = "This link is not good any more: each works once, and for an hour."


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Ask for name and password, or offer to use a link up. Looking at a link's page does not use it up."""
    token = request.query.get("token")
    if request.get(SESSION) is not None and token is None:
        return see_other("/")
    if token is None:
        return _page(request, next_path=request.query.get("next", "/"))
    async with open_database(request) as database:
        name = await find_link(database, token_sha256(token), now())
    if name is None:
        return _page(request, fault=_LINK_GONE, status=410)
    return draw("sign_in.html", request, token=token, name=name, fault=None, next_path="/")


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Begin a session where the password is right, or the link good."""
    form = await read_form(request)
    if "token" in form:
        async with open_database(request) as database, database.transaction():
            taken = await take_link(database, token_sha256(form["token"]), now())
            if taken is None:
                return _page(request, fault=_LINK_GONE, status=410)
            await insert_audit_entry(database, taken[1], "signed in", "console", by="link")
        return await _enter(request, taken[0])
    name, password, next_path = form.get("name", ""), form.get("password", ""), form.get("next", "/")
    async with open_database(request) as database:
        user = await find_user(database, storable(name))
    try:
        is_right = await request.app[PASSWORDS].is_right(name, password, user.password_hash if user else None)
    except TooManyFailuresError:
        return _page(request, fault=_TOO_MANY, status=429, name=name, next_path=next_path)
    if user is None or not is_right:
        return _page(request, fault=_WRONG, status=403, name=name, next_path=next_path)
    async with open_database(request) as database:
        await insert_audit_entry(database, user.name, "signed in", "console", by="password")
    return await _enter(request, user.id, next_path)


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session."""
    async with open_database(request) as database:
        await delete_session(database, token_sha256(request[SESSION_TOKEN]))
    answer = see_other(SIGN_IN_PATH)
    answer.del_cookie(cookie_name(request), path="/")
    return answer


async def _enter(request: web.Request, user_id: int, next_path: str = "/") -> web.StreamResponse:
    answer = see_other(_own_path(next_path))
    await begin_session(request, user_id, answer)
    return answer


def _page(
    request: web.Request, fault: str | None = None, status: int = 200, name: str = "", next_path: str = "/"
) -> web.Response:
    wanted = _own_path(next_path)
    return draw("sign_in.html", request, status, token=None, name=name, fault=fault, next_path=wanted)


def _own_path(path: str) -> str:
    """Give a path of our own; the start page for what could lead elsewhere."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_own else "/"
