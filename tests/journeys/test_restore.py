"""Both servers are lost and restored from copies: Redis' was taken first, and whoever sent later sends again."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from schemas.partitions import NEVER_CHANGED
from schemas.queue import accepted_key, stream_key
from tests.postgres_programs import postgres_program
from tests.system import System
from tests.waiting import DEADLINE_SECONDS, eventually
from worker.balance import read_balance
from worker.queue_reading import QueueReading
from worker.recount import recount

_VIEWS = ("contacts", "identities", "events", "merges", "accounts")


def _call(number: int) -> dict[str, Any]:
    """Give a call of one of a few people, some of whom are merged on the way."""
    kind = ("identify", "track", "alias")[number % 3]
    fields: dict[str, dict[str, Any]] = {
        "identify": {"userId": f"u{number % 7}", "anonymousId": f"a{number % 11}", "traits": {"n": number}},
        "track": {"anonymousId": f"a{number % 11}", "event": "Seen"},
        "alias": {"previousId": f"u{number % 7}", "userId": f"u{number % 5}"},
    }
    return {"type": kind, "messageId": f"m{number}", "timestamp": f"2026-11-01T00:{number % 60:02d}:00Z"} | fields[kind]


async def _post(system: System, first: int, last: int) -> None:
    calls = [_call(number) for number in range(first, last)]
    assert await system.post("/webhook/defaultmain", calls, "defaultmain") == 200


def _run(program: str, *arguments: str) -> None:
    subprocess.run([postgres_program(program), *arguments], check=True, capture_output=True)


async def _state(system: System) -> dict[str, list[tuple[Any, ...]]]:
    columns = {"events": "workspace, message_id, type, contact_id, account_id", "contacts": "id, external_id, traits"}
    return {view: await system.rows(view, columns.get(view, "*")) for view in _VIEWS}


@pytest.fixture
async def emptied_url(database_url: str, postgres_url: str) -> AsyncIterator[str]:
    """An empty database, for what is restored."""
    name = urlsplit(database_url).path[1:] + "_restored"
    database = await asyncpg.connect(postgres_url)
    try:
        await database.execute(f"CREATE DATABASE {name}")
        yield urlsplit(database_url)._replace(path=f"/{name}").geturl()
        await database.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await database.close()


async def test_a_restore_neither_doubles_nor_loses_what_is_sent_again(
    emptied_url: str, system: System, tmp_path: Path
) -> None:
    await _post(system, 0, 40)
    await system.settled()
    await system.stop_worker()
    for first in range(40, 70, 3):
        await _post(system, first, first + 3)
    copy = {key: await system.redis.dump(key) for key in await system.redis.keys("variance:*")}
    await system.start_worker(drain_messages=1)  # what is in the copy of Redis is in that of Postgres as well
    await system.settled()
    dump = str(tmp_path / "copy")
    _run("pg_dump", "--format=custom", f"--file={dump}", system.database_url)
    await _post(system, 70, 100)
    await system.settled()
    lost = await _state(system)
    await system.stop_worker()
    _run("pg_restore", "--no-owner", f"--dbname={emptied_url}", dump)
    await system.redis.flushall()
    for key, value in copy.items():
        await system.redis.restore(key, 0, value)
    system.database_url = emptied_url
    await system.reconnect()
    await system.start_worker()

    async def is_drained() -> bool:
        return not any([await system.redis.xlen(stream_key(partition)) for partition in range(NEVER_CHANGED.most)])

    await eventually(is_drained, "the queue to be drained")
    assert len(await system.rows("events", "message_id")) == len([m for m in range(70) if m % 3 == 1])
    await _post(system, 60, 100)  # what came since, and a little more
    await eventually(is_drained, "the queue to be drained")
    assert await _state(system) == lost
    assert (await system.ledger())["applied"] == 100
    queue = QueueReading(system.redis)
    assert not (await read_balance(system.database, queue)).is_balanced  # Redis' copy knew less than Postgres'
    await recount(system.database, system.redis)
    await _post(system, 90, 110)
    await eventually(is_drained, "the queue to be drained")
    balance = await read_balance(system.database, queue)
    assert (balance.is_balanced, balance.applied, balance.pending) == (True, 110, 0)
    assert await recount(system.database, system.redis) == {}


async def test_a_recount_while_messages_come_and_go_changes_nothing(system: System) -> None:
    async def post(first: int) -> None:
        await _post(system, first, first + 5)

    posts = asyncio.gather(*(post(first) for first in range(0, 200, 5)))
    found = [await recount(system.database, system.redis) for _ in range(3)]
    await posts
    await system.settled()
    assert found == [{}, {}, {}]


async def test_a_recount_ends_and_is_right_while_much_waits_and_more_is_accepted(system: System) -> None:
    await system.stop_worker()
    numbers = count()
    is_over = asyncio.Event()

    async def post(messages: int, size_bytes: int) -> None:
        call = {"type": "track", "userId": "u", "event": "e", "properties": {"x": "x" * size_bytes}}
        calls = [call | {"messageId": f"m{next(numbers)}"} for _ in range(messages)]
        assert await system.post("/webhook/defaultmain", calls, "defaultmain") == 200

    async def post_on() -> None:
        while not is_over.is_set():
            await post(1, 1)

    for _ in range(20):
        await post(100, 10_000)
    (partition,) = [number for number in range(NEVER_CHANGED.most) if await system.redis.xlen(stream_key(number))]
    await system.redis.decrby(accepted_key(partition), 1000)
    posts = asyncio.gather(*(post_on() for _ in range(4)))
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await recount(system.database, system.redis) == {partition: 1000}
    finally:
        is_over.set()
        await posts

    assert (await read_balance(system.database, QueueReading(system.redis))).pending == next(numbers)
    assert await recount(system.database, system.redis) == {}
