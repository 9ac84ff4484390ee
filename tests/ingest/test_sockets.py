"""Sockets that take their time, say nothing, or are too many; over real sockets."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from ingest.sockets import files_allowed
from tests.ingest.conftest import publish_default
from tests.ingest.edge import SECRET, TRACK, Edge, running_edge
from tests.waiting import DEADLINE_SECONDS, eventually

BODY = json.dumps(TRACK).encode()
HEADER = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: {len(BODY)}\r\n\r\n"
Socket = tuple[asyncio.StreamReader, asyncio.StreamWriter]


_writers: list[asyncio.StreamWriter] = []


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    yield
    for writer in _writers:
        writer.close()
    await asyncio.gather(*[writer.wait_closed() for writer in _writers], return_exceptions=True)
    _writers.clear()


async def connect(edge: Edge) -> Socket:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    _writers.append(writer)
    return reader, writer


async def post(socket: Socket) -> bytes:
    reader, writer = socket
    writer.write(HEADER.encode() + BODY)
    return (await reader.readuntil(b"}"))[9:12]


async def is_closed(socket: Socket, within_seconds: float) -> bool:
    """Tell whether the server closes the socket; what it sends until then is passed over."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_seconds):
            with suppress(ConnectionError):
                await socket[0].read()
            return True
    return False


async def trickle(socket: Socket, text: bytes, seconds_between: float) -> None:
    """Send a byte at a time until the server closes the socket, or all is sent."""
    for byte in text:
        socket[1].write(bytes([byte]))
        if await is_closed(socket, seconds_between):
            return


@pytest.mark.parametrize("before", ["", "a post and "])
async def test_a_header_that_comes_byte_by_byte_ends_with_its_time_however_long_it_is(
    redis_url: str, before: str
) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, header_timeout_seconds=0.4, keepalive_seconds=60) as edge:
        socket = await connect(edge)
        if before:
            assert await post(socket) == b"200"
        async with asyncio.timeout(3):
            await trickle(socket, b"POST /v1/track HTTP/1.1\r\n" + b"X: y\r\n" * 100, 0.05)
            assert await is_closed(socket, 0)


async def test_a_header_that_is_slow_but_in_time_leaves_the_socket_open(redis_url: str) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, header_timeout_seconds=0.5) as edge:
        socket = await connect(edge)
        for _ in range(2):
            socket[1].write(HEADER[:20].encode())
            assert not await is_closed(socket, 0.1)
            socket[1].write(HEADER[20:].encode() + BODY)
            assert (await socket[0].readuntil(b"}")).startswith(b"HTTP/1.1 200")
        endless = await connect(edge)
        endless[1].write(HEADER[:20].encode())
        assert await is_closed(endless, DEADLINE_SECONDS)
        assert await post(socket) == b"200"


@pytest.mark.parametrize("posts", [0, 1])
async def test_a_socket_that_says_nothing_is_closed_when_its_time_is_over(redis_url: str, posts: int) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, keepalive_seconds=0.3) as edge:
        socket = await connect(edge)
        for _ in range(posts):
            assert await post(socket) == b"200"
        assert await is_closed(socket, 3)


async def test_answers_that_nobody_reads_hold_a_socket_for_a_time_only(redis_url: str) -> None:
    async with running_edge(redis_url, body_timeout_seconds=0.5) as edge:
        _, writer = await connect(edge)
        writer.transport.pause_reading()  # type: ignore[attr-defined]

        async def ask_on() -> None:
            while True:
                writer.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
                await writer.drain()

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(ask_on(), 20)
        assert (await edge.get("/health/live")).status == 200


async def test_hundreds_of_idle_sockets_keep_no_post_from_its_answer(redis_url: str) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, max_open_sockets=200) as edge:
        sender = await connect(edge)
        assert await post(sender) == b"200"
        idle = await asyncio.gather(*[connect(edge) for _ in range(400)])
        for number, (_, writer) in enumerate(idle):
            writer.write(b"POST /v1/track HTTP/1.1\r\n" if number % 2 else b"")

        for _ in range(20):
            assert await post(sender) == b"200"
            assert (await edge.post("/v1/track", TRACK)).status == 200
        closed = [asyncio.create_task(is_closed(socket, DEADLINE_SECONDS)) for socket in idle]

        async def are_closed() -> bool:
            return sum(task.done() for task in closed) >= 200

        await eventually(are_closed, "200 sockets to be closed")
        assert (await edge.post("/v1/track", TRACK)).status == 200
        assert sum(task.done() for task in closed) <= 220
        for task in closed:
            task.cancel()


async def test_what_is_under_way_is_not_closed_for_others_who_are_told_to_come_again(redis_url: str) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, max_open_sockets=3) as edge:
        busy = [await connect(edge) for _ in range(3)]
        for _, writer in busy:
            writer.write(HEADER.encode())
        late = await connect(edge)
        answer = await late[0].read()

        assert answer.startswith(b"HTTP/1.1 503")
        assert b"\r\nRetry-After: " in answer
        assert b'"code":"overloaded"' in answer
        for reader, writer in busy:
            writer.write(BODY)
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")

        async def is_taken() -> bool:
            try:
                return await post(await connect(edge)) == b"200"
            except (ConnectionError, asyncio.IncompleteReadError):
                return False

        await eventually(is_taken, "the post to be taken")


def test_a_system_that_says_there_is_no_limit_of_files_and_takes_none_is_asked_for_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = (256, resource.RLIM_INFINITY)

    def set_as_macos_does(_: int, asked: tuple[int, int]) -> None:
        nonlocal limits
        if asked[0] == resource.RLIM_INFINITY:
            raise ValueError
        limits = asked

    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", set_as_macos_does)

    assert files_allowed() == 10_240
    assert limits == (10_240, resource.RLIM_INFINITY)
