"""One connection floods: it is told to wait, nobody else is, and what was acknowledged is in the queue."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from redis.asyncio import Redis

from ingest.answers import RefusalError
from ingest.flood_guard import FloodGuard
from schemas.partitions import open_bursts
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, publish, running_edge
from tests.ingest.test_budget import FLOODING, FLOODING_SECRET
from tests.ingest.test_metrics import read
from tests.waiting import eventually

FLOODING_SOCKETS = 100


@pytest.fixture
async def edge(redis_url: str) -> AsyncIterator[Edge]:
    async with Redis.from_url(redis_url) as redis:
        await open_bursts(redis)
    async with running_edge(redis_url, burst_messages_per_second=1) as edge:
        await publish(edge.redis, CONNECTION, FLOODING)
        yield edge


class Sender:
    """Posts over one socket, each message once, whatever the answers are."""

    def __init__(self, edge: Edge, secret: str, name: str) -> None:
        self.statuses: Counter[str] = Counter()
        self.acknowledged: set[str] = set()
        self._edge = edge
        self._secret = secret
        self._name = name

    async def post_until(self, ended: asyncio.Event, pause_seconds: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._edge.port)
        number = 0
        while not ended.is_set():
            message_id = f"{self._name}-{(number := number + 1)}"
            body = json.dumps(TRACK | {"messageId": message_id, "userId": message_id}).encode()
            head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._secret}\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"}")
            status = answer[9:12].decode()
            self.statuses[status] += 1
            if status == "200":
                self.acknowledged.add(message_id)
            else:
                assert b"\r\nRetry-After: " in answer
            await asyncio.sleep(pause_seconds)
        writer.close()


async def test_who_floods_gets_429_and_an_honest_sender_never(edge: Edge) -> None:
    ended = asyncio.Event()
    honest = [Sender(edge, SECRET, f"honest{number}") for number in range(4)]
    flood = [Sender(edge, FLOODING_SECRET, f"flood{number}") for number in range(FLOODING_SOCKETS)]
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        for sender in honest:
            tasks.create_task(sender.post_until(ended, 0.01))
        for sender in flood:
            tasks.create_task(sender.post_until(ended, 0))
        await _answers(flood, "429", FLOODING_SOCKETS)
        await _answers(honest, "200", 50)
        ended.set()

    assert set().union(*(sender.statuses for sender in honest)) == {"200"}
    assert set().union(*(sender.statuses for sender in flood)) == {"200", "429"}
    queued = [message["messageId"] for message in await edge.messages()]
    assert set(queued) >= set().union(*(sender.acknowledged for sender in (*honest, *flood)))
    # Also of those that were tried the straight way first, and of those that were refused.
    assert 0 < (await read(edge))["variance_messages_of_bursts_total", ()] <= len(queued)


async def test_who_is_alone_may_send_as_much_as_there_is_time_for(edge: Edge) -> None:
    ended = asyncio.Event()
    flood = [Sender(edge, FLOODING_SECRET, f"flood{number}") for number in range(FLOODING_SOCKETS)]
    async with asyncio.TaskGroup() as tasks:
        for sender in flood:
            tasks.create_task(sender.post_until(ended, 0))
        await _answers(flood, "200", 3000)
        ended.set()

    assert set().union(*(sender.statuses for sender in flood)) == {"200"}


async def _answers(senders: Sequence[Sender], status: str, more: int) -> None:
    """Wait until senders had so many more answers of a status."""
    wanted = sum(sender.statuses[status] for sender in senders) + more

    async def are_there() -> bool:
        return sum(sender.statuses[status] for sender in senders) >= wanted

    await eventually(are_there, f"{more} more answers of {status}")


def test_a_connection_is_held_back_after_three_looks_and_let_go_once_it_is_quiet() -> None:
    under_way = Counter({"flood": 100, "honest": 1})
    guard = FloodGuard(lambda: under_way, most_at_once=2)
    for now in (0.0, 0.1):
        guard.look(now)
    assert not guard.flooding
    guard.look(0.2)
    assert set(guard.flooding) == {"flood"}

    with guard.post("flood"), guard.post("flood"), guard.post("honest"), guard.post("honest"), guard.post("honest"):
        refused = pytest.raises(RefusalError)
        with refused as caught, guard.post("flood"):
            pass
        assert (caught.value.status, caught.value.retry_after_seconds) == (429, 1)
    under_way.clear()
    guard.look(time.monotonic() + 60)
    assert not guard.flooding
