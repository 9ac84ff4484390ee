"""The load: posts over many connections from a process of its own, and how long each took to be answered.

It speaks HTTP with as little work as can be, so that what it measures is the server's pace and not its own.
"""

import argparse
import asyncio
import base64
import itertools
import json
import statistics
import time
from array import array
from collections import deque
from typing import Any

import uvloop

ANSWER = b'{"success":true}'
_DISTINCT_MESSAGES = 2000
WARM_UP_SECONDS = 0.5
_TICK_SECONDS = 0.001


def message(number: int) -> dict[str, Any]:
    """Give a message as analytics.js sends it; its number makes its sender and its id."""
    sent_at = "2026-11-23T12:00:00.000Z"
    return {
        "type": "track",
        "event": "Login Button Clicked",
        "userId": f"user-{number}",
        "anonymousId": f"507f191e810c19729de{number:05d}",
        "messageId": f"ajs-f8ca1e4de5024d9430b3928bd8ac{number:05d}",
        "timestamp": sent_at,
        "originalTimestamp": sent_at,
        "sentAt": sent_at,
        "receivedAt": sent_at,
        "properties": {"plan": "enterprise", "seats": 12, "source": "nav"},
        "context": {
            "ip": "203.0.113.9",
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "page": {"path": "/pricing", "url": "https://example.com/pricing", "title": "Pricing"},
            "userAgent": "Mozilla/5.0",
        },
        "integrations": {},
        "version": 2,
    }


def request(first_number: int, messages: int, secret: str) -> bytes:
    """Give the bytes of one post of this many messages."""
    numbered = [message(number) for number in range(first_number, first_number + messages)]
    path, value = ("/v1/track", numbered[0]) if messages == 1 else ("/v1/batch", {"batch": numbered})
    body = json.dumps(value, separators=(",", ":")).encode()
    credentials = base64.b64encode(f"{secret}:".encode()).decode()
    head = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Authorization: Basic {credentials}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Sender(asyncio.Protocol):
    """One connection: it has one post under way at most, and tells its load when that is answered."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._received = b""
        self.due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, post: bytes, due_at: float) -> None:
        """Send a post that was due at this time."""
        self.due_at = due_at
        self._transport.write(post)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(ANSWER):
            return
        if not self._received.startswith(b"HTTP/1.1 200"):
            self._load.fail(self._received)
        self._received = b""
        self._load.answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.fail(repr(exc).encode())


class Load:
    """Keeps every connection busy; or, with a rate, sends that many posts a second, each millisecond's together."""

    def __init__(self, posts: list[bytes], seconds: float, rate: float | None) -> None:
        self._posts = itertools.cycle(posts)
        self._rate = rate
        self._seconds = seconds
        self._idle: list[Sender] = []
        self._late: deque[float] = deque()
        self._due = 0
        self._answered = 0
        self._latencies_seconds = array("d")
        self._ended = asyncio.get_running_loop().create_future()

    async def run(self, port: int, connections: int) -> dict[str, float]:
        """Send, and give posts a second, latencies, and how busy this process was itself."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, sender = await loop.create_connection(lambda: Sender(self), "127.0.0.1", port)
            self._idle.append(sender)
        self._started_at = time.perf_counter()
        self._counted_from = self._started_at + WARM_UP_SECONDS
        loop.call_later(WARM_UP_SECONDS + self._seconds, self._end)
        cpu_seconds = time.process_time()
        if self._rate is None:
            for sender in self._idle:
                sender.send(next(self._posts), time.perf_counter())
        else:
            self._tick()
        await self._ended
        busy_ratio = (time.process_time() - cpu_seconds) / (time.perf_counter() - self._started_at)
        quantiles = statistics.quantiles(self._latencies_seconds, n=100)
        return {
            "posts": self._answered,
            "posts_per_second": len(self._latencies_seconds) / self._seconds,
            "p50_ms": quantiles[49] * 1000,
            "p99_ms": quantiles[98] * 1000,
            "load_busy_ratio": busy_ratio,
        }

    def answered(self, sender: Sender) -> None:
        """Count the answer, and send what comes next on its connection."""
        now = time.perf_counter()
        self._answered += 1
        if now >= self._counted_from and not self._ended.done():
            self._latencies_seconds.append(now - sender.due_at)
        if self._rate is None:
            sender.send(next(self._posts), now)
        elif self._late:
            sender.send(next(self._posts), self._late.popleft())
        else:
            self._idle.append(sender)

    def fail(self, reason: bytes) -> None:
        """End with an error: a load that is not answered measures nothing."""
        if not self._ended.done():
            self._ended.set_exception(RuntimeError(reason.decode(errors="replace")))

    def _tick(self) -> None:
        now = time.perf_counter()
        due = int((now - self._started_at) * (self._rate or 0))
        for _ in range(due - self._due):
            if self._idle:
                self._idle.pop().send(next(self._posts), now)
            else:
                self._late.append(now)
        self._due = due
        asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


async def main() -> None:
    """Read what is wanted from the command line, and print what was measured as JSON."""
    parser = argparse.ArgumentParser()
    for name, kind in (("port", int), ("secret", str), ("messages", int), ("seconds", float), ("connections", int)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--rate", type=float)
    wanted = parser.parse_args()
    distinct = range(0, _DISTINCT_MESSAGES, wanted.messages)
    posts = [request(number, wanted.messages, wanted.secret) for number in distinct]
    print(json.dumps(await Load(posts, wanted.seconds, wanted.rate).run(wanted.port, wanted.connections)))  # noqa: T201


if __name__ == "__main__":
    uvloop.run(main())
