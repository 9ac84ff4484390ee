"""Those who attack: `python -m tests.faults.attackers NAME PORT SECRET`, until killed; says when it is under way.

What was answered until then is printed once a second, as a JSON object of statuses.
"""

import asyncio
import gzip
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvloop

_BEAT_SECONDS = 1.0
_CONNECTING_AT_ONCE = 200
_MESSAGE = {"userId": "u", "event": "e", "messageId": "m", "properties": {"x": "x" * 500}}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Attack = Callable[[Streams, str], Awaitable[None]]
"""What is done with one socket, and a connection's secret, until it is closed."""

_statuses: Counter[str] = Counter()


def post(secret: str, body: bytes, *headers: str) -> bytes:
    """Give a post's bytes."""
    lines = ["POST /v1/track HTTP/1.1", "Host: x", f"Authorization: Bearer {secret}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def _trickle(streams: Streams, text: bytes) -> None:
    for byte in text:
        streams[1].write(bytes([byte]))
        await streams[1].drain()
        await asyncio.sleep(_BEAT_SECONDS)


async def slow_headers(streams: Streams, _: str) -> None:
    """Send a header that never ends, a byte at a time."""
    await _trickle(streams, b"POST /v1/track HTTP/1.1\r\n" + b"X: y\r\n" * 1000)


async def slow_bodies(streams: Streams, secret: str) -> None:
    """Send a body that hardly comes."""
    head, _, body = post(secret, json.dumps(_MESSAGE).encode()).partition(b"\r\n\r\n")
    streams[1].write(head + b"\r\n\r\n")
    await _trickle(streams, body)


async def idle(streams: Streams, _: str) -> None:
    """Say nothing."""
    await streams[0].read()


async def _over_and_over(streams: Streams, what: bytes) -> None:
    while True:
        streams[1].write(what)
        await streams[1].drain()
        head = await streams[0].readuntil(b"\r\n\r\n")
        _statuses[head[9:12].decode()] += 1
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await streams[0].readexactly(length)
        if b"connection: close" in head.lower():
            return


_BOMB = gzip.compress(b"\0" * 200_000_000, 9)
_DEEP = gzip.compress(b"[" * 16_000_000, 9)


async def gzip_bombs(streams: Streams, secret: str) -> None:
    """Post 200 MB in 200 kB, again as soon as that is answered."""
    await _over_and_over(streams, post(secret, _BOMB, "Content-Encoding: gzip"))


async def deep_json(streams: Streams, secret: str) -> None:
    """Post 16,000,000 brackets, again as soon as that is answered."""
    await _over_and_over(streams, post(secret, _DEEP, "Content-Encoding: gzip"))


async def flood(streams: Streams, secret: str) -> None:
    """Post a message, again as soon as that is answered, whatever the answer is."""
    await _over_and_over(streams, post(secret, json.dumps(_MESSAGE).encode()))


ATTACKS: dict[str, tuple[Attack, int]] = {
    "slow headers": (slow_headers, 1000),
    "slow bodies": (slow_bodies, 1000),
    "idle sockets": (idle, 10_000),
    "gzip bombs": (gzip_bombs, 16),
    "deep JSON": (deep_json, 16),
    "one connection floods": (flood, 200),
}
"""Each attack, and over how many sockets it comes at the same time."""


async def _main() -> None:
    name, port, secret = sys.argv[1:]
    attack, sockets = ATTACKS[name]
    connecting = asyncio.Semaphore(_CONNECTING_AT_ONCE)
    connected = 0

    async def one() -> None:
        nonlocal connected
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                async with connecting:
                    streams = await asyncio.open_connection("127.0.0.1", int(port))
                connected += 1
                try:
                    await attack(streams, secret)
                finally:
                    streams[1].close()
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as attackers:
        for _ in range(sockets):
            attackers.create_task(one())
        while connected < sockets:  # noqa: ASYNC110 (it is told by many)
            await asyncio.sleep(0.1)
        while True:
            print(json.dumps(_statuses), flush=True)  # noqa: T201 (for whoever measures)
            await asyncio.sleep(_BEAT_SECONDS)


if __name__ == "__main__":
    uvloop.run(_main())
