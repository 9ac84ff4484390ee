"""How each process fares, as far as can be told from here."""

import asyncio
from http import HTTPStatus
from typing import Any

import orjson
from arq.constants import default_queue_name, health_check_key_suffix
from redis.asyncio import Redis

from schemas.redis_away import REDIS_AWAY
from worker.asking import NOT_ANSWERED, ask
from worker.failure_reason import reason_of

_ANSWER_SECONDS = 3.0
_WORKERS_KEY = default_queue_name + health_check_key_suffix

Health = dict[str, str | None]
"""`name`, `state` (`ready`, `not ready`, `unreachable`, `running`, `not seen`, `unknown`), `detail`."""


async def web_health(web_url: str | None) -> Health:
    """Ask the endpoint whether it would acknowledge a message now."""
    if web_url is None:
        return _health("web", "unknown", "set PUBLIC_URL, and it is asked there")
    return await _asked("web", f"{web_url.rstrip('/')}/health/ready", "ready")


async def console_health(console_url: str) -> Health:
    """Ask the console whether it runs."""
    return await _asked("console", f"{console_url.rstrip('/')}/health/live", "running")


async def worker_health(arq: Redis | None) -> Health:
    """Look for the mark that workers leave in arq's Redis every ten seconds, and that vanishes a second later.

    All workers share it, and each that stops takes it away until another renews it.
    """
    if arq is None:
        return _health("worker", "unknown", "set ARQ_REDIS_URL, and it is looked for there")
    try:
        mark = await arq.get(_WORKERS_KEY)
    except REDIS_AWAY as failure:
        return _health("worker", "unknown", f"arq's Redis: {reason_of(failure)}")
    if mark is None:
        return _health("worker", "not seen", "no worker has left its mark in the last 11 seconds")
    return _health("worker", "running", mark.decode(errors="replace"))


async def _asked(name: str, url: str, good_state: str) -> Health:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            status, body = await asyncio.to_thread(ask, url, _ANSWER_SECONDS)
    except NOT_ANSWERED as failure:
        return _health(name, "unreachable", reason_of(failure))
    return _health(name, good_state) if status == HTTPStatus.OK else _health(name, "not ready", _told(body, status))


def _told(body: bytes, status: int) -> str:
    """Give what a process says of itself, or the status where somebody else answers, as a proxy does."""
    try:
        return _message(orjson.loads(body)) or str(status)
    except orjson.JSONDecodeError:
        return str(status)


def _message(answer: Any) -> str | None:
    message = answer.get("message") if isinstance(answer, dict) else None
    return message if isinstance(message, str) else None


def _health(name: str, state: str, detail: str | None = None) -> Health:
    return {"name": name, "state": state, "detail": detail}


def server_health(name: str, failure: str | None) -> Health:
    """Say whether a server let us in."""
    return _health(name, "unreachable", failure) if failure else _health(name, "ready")
