import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from structlog.testing import capture_logs

from tests.ingest.conftest import publish_default
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, basic, running_edge

BODY = json.dumps(TRACK).encode()
WEBHOOK = f"/webhook/{CONNECTION.id}"
RAW_DEFLATE = zlib.compressobj(wbits=-15)

COMPRESSED = {
    "gzip": (gzip.compress(BODY), "gzip"),
    "gzip by its old name": (gzip.compress(BODY), "x-gzip"),
    "gzip in capitals": (gzip.compress(BODY), " GZIP "),
    "gzip that no header names": (gzip.compress(BODY), None),
    "gzip that is called identity": (gzip.compress(BODY), "identity"),
    "gzip with padding": (gzip.compress(BODY) + b"\0" * 8, "gzip"),
    "deflate": (zlib.compress(BODY), "deflate"),
    "deflate without its wrapping": (RAW_DEFLATE.compress(BODY) + RAW_DEFLATE.flush(), "deflate"),
    "identity": (BODY, "identity"),
}
UNREADABLE = {
    "gzip cut short": (gzip.compress(BODY)[:-1], "gzip"),
    "gzip cut in half": (gzip.compress(BODY)[:40], None),
    "a gzip header alone": (gzip.compress(BODY)[:10], "gzip"),
    "a byte of gzip changed": (gzip.compress(BODY)[:30] + b"\x00\x01\x02" + gzip.compress(BODY)[33:], "gzip"),
    "a wrong check sum": (gzip.compress(BODY)[:-8] + b"\0" * 8, "gzip"),
    "no gzip at all": (BODY, "gzip"),
    "more after gzip": (gzip.compress(BODY) + b"more", "gzip"),
    "deflate cut short": (zlib.compress(BODY)[:-1], "deflate"),
    "no deflate at all": (BODY, "deflate"),
    "an encoding that nobody sends": (BODY, "br"),
    "two encodings": (BODY, "gzip, gzip"),
}


def loud(logs: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return [entry for entry in logs if entry["log_level"] not in ("debug", "info")]


def encoded(encoding: str | None) -> dict[str, str]:
    return basic(SECRET) | ({} if encoding is None else {"Content-Encoding": encoding})


@pytest.mark.parametrize(("body", "encoding"), COMPRESSED.values(), ids=COMPRESSED.keys())
@pytest.mark.parametrize("path", ["/v1/track", WEBHOOK])
async def test_a_compressed_body_is_read(edge: Edge, path: str, body: bytes, encoding: str | None) -> None:
    assert (await edge.post(path, body=body, headers=encoded(encoding))).status == 200
    assert [message["messageId"] for message in await edge.messages()] == ["m1"]


@pytest.mark.parametrize(("body", "encoding"), UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("path", ["/v1/track", WEBHOOK])
async def test_a_body_that_cannot_be_inflated_is_refused(
    edge: Edge, path: str, body: bytes, encoding: str | None
) -> None:
    answer = await edge.post(path, body=body, headers=encoded(encoding))

    assert (answer.status, answer.json["code"]) == (400, "unreadable_body")
    assert await edge.entries() == []


@pytest.mark.parametrize("cut", [100, 5_000, 100_000, -1])
async def test_a_large_gzip_that_is_cut_short_is_refused_wherever_it_is_cut(edge: Edge, cut: int) -> None:
    noise = "".join(chr(0x4E00 + (index * 7919) % 20_000) for index in range(100_000))
    body = gzip.compress(json.dumps(TRACK | {"properties": {"x": noise}}).encode())

    assert (await edge.post("/v1/t", body=body, headers=encoded("gzip"))).status == 200
    assert (await edge.post("/v1/t", body=body[:cut], headers=encoded("gzip"))).json["code"] == "unreadable_body"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data", "żółć", ""],
)
@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY)], ids=["plain", "gzip"])
async def test_the_content_type_does_not_matter(edge: Edge, content_type: str, body: bytes) -> None:
    headers = basic(SECRET) | {"Content-Type": content_type}

    assert (await edge.post("/v1/track", body=body, headers=headers)).status == 200


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_body_may_come_in_chunks(edge: Edge, *, compressed: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in gzip.compress(BODY) if compressed else BODY:
            yield bytes([byte])

    answer = await edge.request("POST", "/v1/track", data=pieces(), headers=encoded("gzip" if compressed else None))

    assert answer.status == 200
    assert len(await edge.messages()) == 1


@pytest.fixture
async def narrow_edge(redis_url: str) -> AsyncIterator[Edge]:
    """Give an edge that takes a thousand bytes, within a fifth of a second."""
    await publish_default(redis_url)
    async with running_edge(redis_url, max_body_bytes=1000, body_timeout_seconds=0.2) as edge:
        yield edge


def sized(size_bytes: int) -> bytes:
    start, end = BODY[:-1] + b', "x": "', b'"}'
    return start + b"x" * (size_bytes - len(start) - len(end)) + end


async def test_a_body_of_just_the_bound_is_taken_and_one_byte_more_is_413(narrow_edge: Edge) -> None:
    for size_bytes, status in ((1000, 200), (1001, 413), (300_000, 413)):
        body = sized(size_bytes)
        for data, encoding in ((body, None), (gzip.compress(body), "gzip"), (zlib.compress(body), "deflate")):
            answer = await narrow_edge.post("/v1/track", body=data, headers=encoded(encoding))
            assert answer.status == status
            assert answer.json.get("code") == (None if status == 200 else "too_large")


async def test_a_body_in_chunks_is_bounded_too(narrow_edge: Edge) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    answer = await narrow_edge.request("POST", "/v1/track", data=pieces(), headers=basic(SECRET))

    assert (answer.status, answer.json["code"]) == (413, "too_large")


async def test_a_body_without_end_is_refused_once_it_is_too_large(narrow_edge: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", narrow_edge.port)
    writer.write(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"64\r\n" + b"x" * 100)
    writer.write((b"\r\n64\r\n" + b"x" * 100) * 20)

    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_gzip_bomb_is_413_and_holds_nobody_else_up(edge: Edge) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000)
    bombs = [asyncio.create_task(edge.post("/v1/track", body=bomb)) for _ in range(4)]
    served = 0
    while not all(task.done() for task in bombs):
        assert (await edge.post("/v1/track", TRACK)).status == 200
        served += 1

    assert [(await task).status for task in bombs] == [413] * 4
    assert served > len(bombs)


async def test_a_body_that_does_not_arrive_is_our_trouble_and_nobody_s_error(narrow_edge: Edge) -> None:
    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection("127.0.0.1", narrow_edge.port)
        writer.write(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)

    assert answer.startswith(b"HTTP/1.1 503")
    assert b'"code":"slow_body"' in answer
    assert b"Retry-After" in answer
    assert loud(logs) == []
    writer.close()


@pytest.mark.parametrize("start", [b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"])
async def test_a_body_that_is_cut_off_leaves_no_trace(edge: Edge, start: bytes) -> None:
    with capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(b"POST /v1/track HTTP/1.1\r\nHost: x\r\n" + start)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await edge.post("/v1/track", TRACK)).status == 200

    assert loud(logs) == []
    assert len(await edge.messages()) == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: minus\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_http_is_answered_in_json_and_not_logged_as_an_error(edge: Edge, request_bytes: bytes) -> None:
    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(request_bytes)
        answer = await asyncio.wait_for(reader.read(), 5)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b'{"success":false' in answer
    assert loud(logs) == []
    writer.close()


async def test_many_requests_may_be_sent_before_the_first_answer(edge: Edge) -> None:
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {basic(SECRET)['Authorization']}\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write((head + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY) * 20)
    await writer.drain()

    for _ in range(20):
        assert (await reader.readuntil(b'{"success":true}')).startswith(b"HTTP/1.1 200")
    assert await edge.accepted_count() == 20
    writer.close()


async def test_a_sender_that_asks_before_it_sends_is_told_to_go_on(edge: Edge) -> None:
    answer = await edge.request("POST", "/v1/track", data=BODY, headers=basic(SECRET), expect100=True)

    assert answer.status == 200


async def test_whatever_else_a_sender_expects_is_passed_over(edge: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n".encode()
    for expected in (b"miracles", b"\xff\xed", b"100-continue, x"):
        writer.write(head + b"Expect: %b\r\nContent-Length: %d\r\n\r\n" % (expected, len(BODY)) + BODY)
        assert (await reader.readuntil(b'{"success":true}')).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("target", [b"OPTIONS *", b"CONNECT x:80"])
async def test_a_request_for_no_path_at_all_is_404_in_json(edge: Edge, target: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 404")
    assert b'"code":"not_found"' in answer
