"""A real endpoint under fire: requests go over raw sockets, and every message is looked for in the streams."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from redis.asyncio import Redis

from ingest.description import REFUSALS
from schemas.partitions import NEVER_CHANGED
from schemas.queue import QueuedMessage, QueuedRefusal, read_pair, stream_key
from tests.faults.hostile import Request, alter
from tests.faults.program import Program
from tests.ingest.edge import CONNECTION, publish, raw_command

_SOCKETS = 8
_PATIENCE_SECONDS = 20.0
_GLANCE_SECONDS = 0.15
"""For an answer to what may be no whole request."""

_BREAKS = (
    b"\r\n", b"\r\n\r\n", b"\0", b" ", b"POST ", b"OPTIONS * ", b"HTTP/1.1", b"HTTP/9.9", b":", b"\xff", b"0\r\n",
)  # fmt: skip
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    closes: bool


@contextmanager
def endpoint(directory: Path, redis_url: str) -> Iterator[tuple[int, Path]]:
    """Run the endpoint; give its port and the file of its log."""
    asyncio.run(_publish(redis_url))
    log_path = directory / "web.log"
    web = Program(log_path, "ingest", REDIS_URL=redis_url, HOST="127.0.0.1", PORT="0", BODY_TIMEOUT_SECONDS="60")
    web.start()
    try:
        yield _port_in(log_path), log_path
    finally:
        web.kill()


def loud_lines(log_path: Path) -> list[str]:
    """Give the lines of a log that tell of trouble."""
    return [line for line in log_path.read_text().splitlines() if not re.search('"level": ?"(info|debug)"', line)]


async def fire(port: int, redis_url: str, requests: Sequence[Request]) -> list[str]:
    """Send requests, several at a time, and empty the queue; give everything that is not as it must be."""
    redis = Redis.from_url(redis_url)
    try:
        answers: dict[int, Answer | str] = {}
        waiting = iter(enumerate(requests))
        await asyncio.gather(*(_send_each(port, waiting, answers) for _ in range(min(_SOCKETS, len(requests)))))
        pairs = await _take_pairs(redis)
    finally:
        await redis.aclose()
    complaints = [text for n, request in enumerate(requests) for text in _misfits(request, answers[n])]
    taken = [request for n, request in enumerate(requests) if _status(answers[n]) == 200]
    return complaints or _losses(taken, pairs)


async def fire_broken(port: int, request: Request, chance: Random) -> list[str]:
    """Send a request that was changed on its way, by a connection of its own; it may be no HTTP any more."""
    wire = alter(chance, request.wire(), _BREAKS)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(_GLANCE_SECONDS):
            writer.write(wire)
            while chunk := await reader.read(65_536):
                received += chunk
                if received.endswith(b"}"):
                    break
    writer.close()
    statuses = [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", received, re.MULTILINE)]
    if [status for status in statuses if status != 100] and b'{"success":' not in received:
        return [f"{received!r} for {wire!r}"]
    return [f"{status} for {wire!r}" for status in statuses if status >= 500]


async def _send_each(port: int, waiting: Iterator[tuple[int, Request]], answers: dict[int, Answer | str]) -> None:
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for n, request in waiting:
        streams = streams or await asyncio.open_connection("127.0.0.1", port)
        reader, writer = streams
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                writer.write(request.wire())
                answer = await _read_answer(reader)
        except (OSError, EOFError, TimeoutError) as error:
            answers[n] = f"no answer: {type(error).__name__}"
        else:
            answers[n] = answer
            if not answer.closes:
                continue
        writer.close()
        streams = None
    if streams is not None:
        streams[1].close()


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    status = 100
    while status == 100:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    body = await reader.readexactly(int(length[1])) if length else b""
    closes = head.startswith(b"HTTP/1.0") or re.search(rb"\r\nconnection: *close", head, re.IGNORECASE) is not None
    return Answer(status, body, closes)


def _status(answer: Answer | str) -> int:
    return answer.status if isinstance(answer, Answer) else 0


def _misfits(request: Request, answer: Answer | str) -> Iterator[str]:
    """Say what is wrong with one answer."""
    if isinstance(answer, str):
        yield f"{answer} to {request}"
        return
    if answer.status not in request.statuses:
        yield f"{answer.status} {answer.body!r} for {request}"
    try:
        told = json.loads(answer.body)
    except ValueError:
        yield f"{answer.status} {answer.body!r} is no JSON, for {request}"
        return
    if answer.status == 200:
        fits = told == {"success": True}
    else:
        _, codes = REFUSALS.get(answer.status, ("", ()))
        fits = told.get("success") is False and told.get("code") in codes and bool(told.get("message"))
    if not fits:
        yield f"{answer.status} {told} is none of the described answers, for {request}"


def _losses(taken: Sequence[Request], pairs: Sequence[QueuedMessage]) -> list[str]:
    """Say what of the requests that were answered 200 is not in the queue as it must be."""
    accepted = {pair.message_key: json.loads(pair.value) for pair in pairs if pair.is_accepted}
    refused = [pair for pair in pairs if not pair.is_accepted]
    refusals = [msgspec.json.decode(pair.value, type=QueuedRefusal) for pair in refused]
    bodies = {
        pair.message_key: (refusal.reason, _without_receipt(json.loads(refusal.body)))
        for pair, refusal in zip(refused, refusals, strict=True)
    }
    complaints = []
    for request in taken:
        for message in request.good:
            found = _without_receipt(accepted.pop(message["messageId"], None))
            if found != message:
                complaints.append(f"found {found!s:.200} where {message!s:.500} was sent by {request}")
        for reason, element in request.bad:
            if isinstance(element, dict):
                found = bodies.get(element["messageId"])
                if found != (reason, element):
                    complaints.append(f"found {found!s:.200} where {element!s:.500} is to be refused as {reason}")
    expected = Counter(reason for request in taken for reason, _ in request.bad)
    missing = expected - Counter(refusal.reason for refusal in refusals)
    if missing:
        complaints.append(f"refusals are missing: {missing}")
    sent = sum(_pairs_of(request) for request in taken)
    if sent != len(pairs):
        complaints.append(f"{sent} messages were answered 200, and {len(pairs)} are queued")
    return complaints


def _without_receipt(message: Any) -> Any:
    """Give a message without what the endpoint adds to it."""
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if name != "receivedAt"}


def _pairs_of(request: Request) -> int:
    """Give how many messages an accepted request has, by another JSON reader than the endpoint's."""
    if request.pairs is not None:
        return request.pairs
    value: Any = json.loads(request.body.removeprefix(_BYTE_ORDER_MARK))
    if request.path.endswith(("/b", "/batch")) and isinstance(value, dict):
        value = value["batch"]
    return len(value) if isinstance(value, list) else 1


async def _take_pairs(redis: "Redis") -> list[QueuedMessage]:
    pairs = []
    for partition in range(NEVER_CHANGED.most):
        for _, words in await raw_command(redis, "XRANGE", stream_key(partition), "-", "+"):
            pairs += [read_pair(field, value) for field, value in zip(words[::2], words[1::2], strict=True)]
    await redis.delete(*map(stream_key, range(NEVER_CHANGED.most)))
    return pairs


async def _publish(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    await publish(redis, CONNECTION)
    await redis.aclose()


def _port_in(log_path: Path) -> int:
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while (found := re.search(r'"port": ?(\d+)', log_path.read_text())) is None:
        assert time.monotonic() < ends_at, log_path.read_text()
        time.sleep(0.01)
    return int(found[1])
