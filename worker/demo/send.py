"""Sends the demo's week to a running system as senders do: a few posts at once, each until accepted."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
import orjson

from schemas.foreseen import ForeseenError
from worker.demo.delivery import WEBHOOK, DemoPost
from worker.demo.traffic import DemoWeek

CONCURRENT_POSTS = 8
PATIENCE_SECONDS = 120.0
"""How long one post is tried again while the service is in trouble."""

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_FIRST_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR


class DemoNotSentError(ForeseenError):
    """A post of the demo was refused, or could not be delivered in time. Its text says which, and why."""


@dataclass(frozen=True, slots=True)
class ConnectionSecret:
    """What a sender must know of a connection. `webhook_path` is the path of its webhook URL."""

    id: str
    secret: str
    webhook_path: str


async def send_week(
    week: DemoWeek,
    base_url: str,
    connections: Mapping[str, ConnectionSecret],
    on_progress: Callable[[int], None],
) -> None:
    """Post the whole week to the service at `base_url`; `connections` holds each connection by its name.

    Calls `on_progress` after each accepted post with the number of messages in it. A service in trouble (503,
    429, another 5xx, no connection) is tried again, after `Retry-After` where it says so.
    Raises DemoNotSentError when a post is refused, or not accepted within PATIENCE_SECONDS.
    """
    posts = iter(week.posts)
    connector = aiohttp.TCPConnector(limit=CONCURRENT_POSTS)
    async with aiohttp.ClientSession(base_url, connector=connector, timeout=_TIMEOUT) as session:
        try:
            async with asyncio.TaskGroup() as senders:
                for _ in range(CONCURRENT_POSTS):
                    senders.create_task(_send(session, posts, connections, on_progress))
        except* DemoNotSentError as failures:
            failure = failures.exceptions[0]
        else:
            return
    raise failure


async def _send(
    session: aiohttp.ClientSession,
    posts: Iterator[DemoPost],
    connections: Mapping[str, ConnectionSecret],
    on_progress: Callable[[int], None],
) -> None:
    for post in posts:
        await _deliver(session, post, connections[post.connection])
        on_progress(post.messages)


async def _deliver(session: aiohttp.ClientSession, post: DemoPost, connection: ConnectionSecret) -> None:
    path = connection.webhook_path if post.path == WEBHOOK else post.path
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        trouble, asked_seconds = await _attempt(session, path, orjson.dumps(post.body), connection.secret)
        if not trouble:
            return
        # Half of the pause is drawn, so that those who failed together do not come back together.
        drawn_seconds = pause_seconds * random.uniform(0.5, 1)  # noqa: S311 (no secret rests on it)
        wait_seconds = max(drawn_seconds, asked_seconds)
        if asyncio.get_running_loop().time() + wait_seconds > deadline:
            message = f"{path} was not accepted within {PATIENCE_SECONDS:.0f} seconds: {trouble}"
            raise DemoNotSentError(message)
        await asyncio.sleep(wait_seconds)
        pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)


async def _attempt(session: aiohttp.ClientSession, path: str, body: bytes, secret: str) -> tuple[str, float]:
    """Post once. Gives the service's trouble ("" where it accepted), and for how long it asks us to wait."""
    headers = {"Authorization": aiohttp.encode_basic_auth(secret, ""), "Content-Type": "application/json"}
    try:
        async with session.post(path, data=body, headers=headers, allow_redirects=False) as answer:
            text = await answer.text()
            if answer.status == HTTPStatus.OK:
                return "", 0
            if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= _FIRST_SERVER_ERROR:
                return f"it answers {answer.status}", _read_seconds(answer.headers.get("Retry-After"))
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
        return f"no answer ({type(error).__name__})", 0
    message = f"{path} was refused with {answer.status}: {text[:300]}"
    raise DemoNotSentError(message)


def _read_seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.strip().isdecimal() else 0
