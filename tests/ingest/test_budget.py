"""What is in flight is bounded, and who has most of it is told to wait; nobody else is."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.answers import RefusalError
from ingest.budget import Budget
from schemas.connection import PublishedConnection, PublishedSecret, secret_sha256
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, basic, publish, running_edge
from tests.ingest.test_process import port_of, started
from tests.ingest.valkey import Valkey
from tests.waiting import DEADLINE_SECONDS

FLOODING_SECRET = "s3cret-of-who-floods"  # noqa: S105 (a test's)
FLOODING = PublishedConnection(
    id="fl00d", workspace_id=9, name="flood", is_enabled=True, secrets=[PublishedSecret(secret_sha256(FLOODING_SECRET))]
)
MOST_BODY_BYTES = 20_000
_Answer = TypeVar("_Answer")


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 400)), max_size=60))
def test_whoever_holds_nothing_can_have_as_much_as_the_greediest(takes: Sequence[tuple[int, int]]) -> None:
    budget = Budget(1000)
    held = [0] * 5
    for poster, size_bytes in takes:
        refusal = _taken(budget, str(poster), size_bytes)
        if refusal is None:
            held[poster] += size_bytes
        else:
            assert refusal.retry_after_seconds
            assert (refusal.status == 429) == bool(held[poster])

    assert budget.used_bytes == sum(held) <= budget.max_bytes
    fair_bytes = budget.max_bytes // (sum(map(bool, held)) + 1)
    for each in held:
        assert each <= budget.max_bytes // 2
    if all(each <= fair_bytes for each in held):
        budget.take("newcomer", fair_bytes // 2)


def _taken(budget: Budget, poster: str, size_bytes: int) -> RefusalError | None:
    try:
        budget.take(poster, size_bytes)
    except RefusalError as refusal:
        return refusal
    return None


def track(number: int, size_bytes: int) -> bytes:
    message = TRACK | {"messageId": f"m{number}", "userId": f"u{number}", "properties": {"x": ""}}
    message["properties"] = {"x": "x" * (size_bytes - len(json.dumps(message)))}
    return json.dumps(message).encode()


@pytest.fixture
async def edge(valkey: Valkey) -> AsyncIterator[Edge]:
    """Give an edge with a small budget that knows two connections, and waits long for its Redis."""
    async with running_edge(
        valkey.url, max_body_bytes=MOST_BODY_BYTES, max_bytes_in_flight=1, redis_timeout_seconds=8
    ) as edge:
        await publish(edge.redis, CONNECTION, FLOODING)
        for secret in (SECRET, FLOODING_SECRET):
            assert (await edge.post("/v1/track", TRACK, headers=basic(secret))).status == 200
        yield edge


async def test_who_keeps_many_bodies_open_is_refused_more_and_others_are_served(edge: Edge) -> None:
    size_bytes = 18_000
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {FLOODING_SECRET}\r\n"
    head += f"Content-Length: {size_bytes}\r\n\r\n"
    async with AsyncExitStack() as stack:
        sockets = [await _connect(edge, stack) for _ in range(12)]
        for number, (_, writer) in enumerate(sockets):
            writer.write(head.encode() + track(number, size_bytes)[:-10])
        answers = [asyncio.create_task(_answer(reader)) for reader, _ in sockets]
        await _those_done(answers, at_least=5)
        for number in range(20):
            for path, message in (("/v1/track", TRACK), ("/v1/batch", {"batch": [TRACK]})):
                assert (await edge.post(path, message)).status == 200, number
        assert (await edge.post("/v1/track", body=track(1, size_bytes))).status == 200
        for number, answer in enumerate(answers):
            if not answer.done():
                sockets[number][1].write(track(number, size_bytes)[-10:])
        refused = [answer for answer in await asyncio.gather(*answers) if not answer.startswith(b"HTTP/1.1 200")]

        assert 2 <= len(answers) - len(refused) < 8
        for text in refused:
            assert text.startswith(b"HTTP/1.1 429")
            assert b"\r\nRetry-After: " in text
            assert b'"code":"too_much_at_once"' in text


async def _connect(edge: Edge, stack: AsyncExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    stack.callback(writer.close)
    return reader, writer


async def _answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await reader.readuntil(b"}")


async def test_while_redis_is_frozen_who_floods_is_told_to_wait_and_nobody_else(edge: Edge, valkey: Valkey) -> None:
    valkey.freeze()
    flood = [
        asyncio.create_task(edge.post("/v1/track", body=track(number, 10_000), headers=basic(FLOODING_SECRET)))
        for number in range(60)
    ]
    refused = await _those_done(flood, at_least=40)
    honest = [
        asyncio.create_task(edge.post(path, body=body))
        for number in range(100, 110)
        for path, body in (
            ("/v1/track", track(number, 1000)),
            ("/v1/batch", b'{"batch":[' + track(-number, 1000) + b"]}"),
        )
    ]
    await edge.get("/health/live")
    assert not [task for task in honest if task.done()]
    valkey.thaw()

    assert {(answer.status, answer.headers["Retry-After"]) for answer in refused} == {(429, "1")}
    assert {answer.status for answer in await asyncio.gather(*honest)} == {200}
    answers = await asyncio.gather(*flood)
    acknowledged = [f"m{number}" for number, answer in enumerate(answers) if answer.status == 200]
    assert {answer.status for answer in answers} == {200, 429}
    queued = {message["messageId"] for message in await edge.messages()}
    assert queued >= {*acknowledged, *(f"m{number}" for number in (*range(100, 110), *range(-109, -99)))}


async def _those_done(tasks: Sequence["asyncio.Task[_Answer]"], at_least: int) -> list[_Answer]:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while len(done := [task.result() for task in tasks if task.done()]) < at_least:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=0.1)
    return done


DEEP = {
    "lists": b"[" * 8_000_000,
    "lists that end": b"[" * 4_000_000 + b"]" * 4_000_000,
    "objects": b'{"a":' * 3_000_000,
    "in a message": b'{"userId":"u","event":"e","properties":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "that the fast parser refuses for another reason": b'{"a":NaN,"b":' + b"[" * 8_000_000,
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP.keys())
async def test_deep_json_is_refused_at_once(redis_url: str, body: bytes) -> None:
    async with running_edge(redis_url) as edge:
        await publish(edge.redis, CONNECTION)
        for data in (body, gzip.compress(body, 1)):
            async with asyncio.timeout(DEADLINE_SECONDS):
                answer = await edge.request("POST", "/v1/track", data=io.BytesIO(data), headers=basic(SECRET))

            assert (answer.status, answer.json["code"]) == (400, "invalid_json")


async def test_gzip_bombs_fill_no_memory(redis_url: str) -> None:
    async with started(REDIS_URL=redis_url) as process, running_edge(redis_url) as edge:
        await publish(edge.redis, CONNECTION)
        edge.port = await port_of(process)
        assert (await edge.post("/v1/track", TRACK)).status == 200
        memory = psutil.Process(process.pid)
        before_bytes = most_bytes = memory.memory_info().rss
        many = b'{"type":"track","userId":"u","event":5,"properties":{"x":[' + b"[]," * 1_500_000 + b"0]}}"
        bodies = [gzip.compress(b"\0" * 100_000_000, 1), gzip.compress(b'{"batch":[' + many + b"," + many + b"]}", 1)]
        bombs = [asyncio.create_task(edge.post("/v1/batch", body=body)) for body in bodies * 3]
        while not all(task.done() for task in bombs):
            await asyncio.wait(bombs, timeout=0.02)
            most_bytes = max(most_bytes, memory.memory_info().rss)

        assert {task.result().status for task in bombs} <= {200, 413, 429, 503}
        assert most_bytes - before_bytes < 450 * 1024**2
