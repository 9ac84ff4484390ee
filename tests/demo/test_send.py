"""Sending the demo's week, to a receiver on a real socket."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web

from worker.demo.connections import CONNECTIONS
from worker.demo.send import ConnectionSecret, DemoNotSentError, send_week
from worker.demo.traffic import DemoWeek, demo_week

NOW = datetime(2026, 3, 12, 15, 4, 5, tzinfo=UTC)
SECRETS = {
    connection.name: ConnectionSecret(f"id-{number}", f"secret-{number}", f"/webhook/id-{number}")
    for number, connection in enumerate(CONNECTIONS)
}
Answer = Callable[[int], web.Response]
ACCEPTED = {"success": True}


class Receiver:
    """Answers each post as it is told to, by the post's number, and keeps what it accepted."""

    def __init__(self, answer: Answer) -> None:
        self.posts = 0
        self.accepted: list[tuple[str, str]] = []
        """Each accepted post's path and secret."""
        self._answer = answer

    async def receive(self, request: web.Request) -> web.Response:
        """Read one post."""
        assert await request.json()
        self.posts += 1
        answer = self._answer(self.posts)
        if answer.status == web.HTTPOk.status_code:
            credentials = request.headers["Authorization"].removeprefix("Basic ")
            self.accepted.append((request.path, base64.b64decode(credentials).decode()))
        return answer


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[tuple[Receiver, str]]:
    """Run a receiver on a free port; gives it and its base URL."""
    receiver = Receiver(answer)
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield receiver, f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def accept(_number: int) -> web.Response:
    """Accept every post."""
    return web.json_response(ACCEPTED)


def first_posts(count: int) -> DemoWeek:
    """Give a week that is over after so many posts."""
    week = demo_week(NOW)
    posts = week.posts[:count]
    return DemoWeek(posts, sum(post.messages for post in posts), 0, 0)


async def test_every_post_arrives_with_its_connections_secret_and_at_its_own_webhook() -> None:
    week = demo_week(NOW)
    progress: list[int] = []
    async with listening(accept) as (receiver, url):
        await send_week(week, url, SECRETS, progress.append)
    assert sum(progress) == week.messages
    assert len(receiver.accepted) == len(week.posts)
    assert {secret for _, secret in receiver.accepted} == {f"{known.secret}:" for known in SECRETS.values()}
    for path, secret in receiver.accepted:
        if path.startswith("/webhook"):
            assert (path, secret) in {(known.webhook_path, f"{known.secret}:") for known in SECRETS.values()}


async def test_a_service_in_trouble_is_tried_again_until_it_accepts() -> None:
    def answer(number: int) -> web.Response:
        return (
            web.json_response({}, status=503, headers={"Retry-After": "0"})
            if number % 3 == 0
            else accept(number)
        )

    week = first_posts(20)
    progress: list[int] = []
    async with listening(answer) as (receiver, url):
        await send_week(week, url, SECRETS, progress.append)
    assert receiver.posts > len(week.posts)
    assert sum(progress) == week.messages


async def test_a_refused_post_ends_the_sending_with_one_error_that_says_why() -> None:
    def answer(number: int) -> web.Response:
        refusal = {"success": False, "code": "unauthorized", "message": "wrong secret"}
        return web.json_response(refusal, status=401) if number > 3 else accept(number)

    async with listening(answer) as (_, url):
        with pytest.raises(DemoNotSentError, match=r"refused with 401.*wrong secret"):
            await send_week(first_posts(50), url, SECRETS, lambda _: None)


async def test_a_service_that_stays_away_is_given_up_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(accept) as (_, url):
        pass
    monkeypatch.setattr("worker.demo.send.PATIENCE_SECONDS", 0.1)
    with pytest.raises(DemoNotSentError, match="was not accepted within"):
        await send_week(first_posts(1), url, SECRETS, lambda _: None)
