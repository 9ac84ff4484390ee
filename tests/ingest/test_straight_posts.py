"""The usual post goes another way than all others; what a sender sees of it is the same."""

import asyncio
import json
import signal

import aiohttp
import pytest

from tests.ingest.conftest import publish_default
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, basic, running_edge
from tests.ingest.test_process import port_of, started
from tests.ingest.valkey import Valkey
from tests.processes import until_logged

PATHS = ["/v1/track", f"/webhook/{CONNECTION.id}"]
UNUSUAL = {"Expect": "100-continue"}
"""Sends a post the way of all others."""


BODY = json.dumps(TRACK).encode()
HEADERS = f"Host: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: {len(BODY)}\r\n"


def raw_post(headers: str = "") -> bytes:
    return f"POST /v1/track HTTP/1.1\r\n{HEADERS}{headers}\r\n".encode() + BODY


@pytest.mark.parametrize("path", PATHS)
async def test_both_ways_give_the_same_answer_and_queue_the_same(edge: Edge, path: str) -> None:
    usual = await edge.post(path, TRACK)
    other = await edge.post(path, TRACK, headers=basic(SECRET) | UNUSUAL)

    assert (usual.status, usual.json) == (other.status, other.json) == (200, {"success": True})
    assert set(usual.headers) == set(other.headers)
    assert {**usual.headers, "Date": ""} == {**other.headers, "Date": ""}
    first, second = await edge.messages()
    assert {**first, "receivedAt": ""} == {**second, "receivedAt": ""}


async def test_a_failed_write_has_the_same_answer_both_ways_and_keeps_the_connection(
    breakable_edge: Edge, valkey: Valkey
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", breakable_edge.port)
    valkey.kill()
    answers = []
    for headers in ("", "Content-Encoding: identity\r\n"):
        writer.write(raw_post(headers))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(fields["Content-Length"]))
        answers.append((head[0], {**fields, "Date": "", "X-Request-Id": ""}))
    writer.close()

    assert answers[0] == answers[1]
    assert answers[0][0] == "HTTP/1.1 503 Service Unavailable"
    assert "Retry-After" in answers[0][1]


async def test_what_is_sent_behind_a_post_under_way_is_answered_after_it_in_order(
    breakable_edge: Edge, valkey: Valkey
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", breakable_edge.port)
    valkey.freeze()
    writer.write(raw_post())
    await breakable_edge.get("/health/live")  # by now the post is under way
    writer.write(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + raw_post())
    await breakable_edge.get("/health/live")
    valkey.thaw()

    for status in (b"200", b"404", b"200"):
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 " + status)
    writer.close()


async def test_a_sender_that_leaves_before_its_answer_disturbs_nobody(breakable_edge: Edge, valkey: Valkey) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", breakable_edge.port)
    valkey.freeze()
    writer.write(raw_post())
    await breakable_edge.get("/health/live")
    writer.close()
    await writer.wait_closed()
    waiting = asyncio.create_task(breakable_edge.post("/v1/track", TRACK))
    await breakable_edge.get("/health/live")
    valkey.thaw()

    assert (await waiting).status == 200


async def test_a_post_under_way_alone_is_answered_before_the_process_ends(valkey: Valkey) -> None:
    await publish_default(valkey.url)
    async with started(REDIS_URL=valkey.url, REDIS_TIMEOUT_SECONDS="5") as process, aiohttp.ClientSession() as session:
        port = await port_of(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw_post())
        await reader.readuntil(b'{"success":true}')
        valkey.freeze()
        writer.write(raw_post())
        async with session.get(f"http://127.0.0.1:{port}/health/live") as response:
            assert response.status == 200  # by now the post is under way

        process.send_signal(signal.SIGTERM)
        await until_logged(process, "stopping")
        valkey.thaw()

        assert b"200 OK" in await reader.readuntil(b'{"success":true}')
        assert await asyncio.wait_for(process.wait(), 5) == 0
        writer.close()


async def test_a_connection_of_usual_posts_only_closes_once_it_idles_and_not_before(
    redis_url: str,
) -> None:
    idle_seconds = 0.4
    await publish_default(redis_url)
    loop = asyncio.get_running_loop()
    async with running_edge(redis_url, keepalive_seconds=idle_seconds) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        started_at = loop.time()
        while loop.time() - started_at < idle_seconds * 2.5:
            writer.write(raw_post())
            await reader.readuntil(b'{"success":true}')
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
