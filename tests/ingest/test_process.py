import asyncio
import json
import shlex
import signal
import socket
import sys
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager, ExitStack

import aiohttp
import pytest

from ingest.__main__ import _serve
from ingest.group_commit import GroupCommit
from schemas.settings import WebSettings
from tests import processes
from tests.ingest.conftest import publish_default
from tests.ingest.edge import SECRET, TRACK, basic
from tests.ingest.valkey import Valkey
from tests.processes import refusal_of, until_logged
from tests.waiting import DEADLINE_SECONDS


def started(files: str = "hard", **environment: str) -> AbstractAsyncContextManager[Process]:
    """Give a `web` that may have so many files open."""
    command = f"ulimit -n {files}; exec {shlex.quote(sys.executable)} -m ingest"
    return processes.started("bash", "-c", command, **{"HOST": "127.0.0.1", "PORT": "0"} | environment)


async def port_of(process: Process) -> int:
    return int((await until_logged(process, "listening"))["port"])


async def post(session: aiohttp.ClientSession, port: int) -> int:
    url = f"http://127.0.0.1:{port}/v1/track"
    async with session.post(url, json=TRACK, headers=basic(SECRET)) as response:
        return response.status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_accepts_posts_until_it_is_told_to_stop_and_ends_with_0(
    redis_url: str, number: signal.Signals
) -> None:
    await publish_default(redis_url)
    async with started(REDIS_URL=redis_url) as process, aiohttp.ClientSession() as session:
        port = await port_of(process)
        assert await post(session, port) == 200

        process.send_signal(number)

        assert await asyncio.wait_for(process.wait(), 5) == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await post(session, port)


async def test_requests_under_way_are_answered_before_it_ends(valkey: Valkey) -> None:
    await publish_default(valkey.url)
    get = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    body = json.dumps(TRACK).encode()
    head = f"POST /v1/t HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with started(REDIS_URL=valkey.url, REDIS_TIMEOUT_SECONDS="5") as process, aiohttp.ClientSession() as session:
        port = await port_of(process)
        assert await post(session, port) == 200
        valkey.freeze()
        senders = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        for reader, writer in senders:
            writer.write(get + head.encode() + body)
            await reader.readuntil(b'{"success":true}')  # by now the post behind it is under way

        process.send_signal(signal.SIGTERM)
        await until_logged(process, "stopping")
        valkey.thaw()

        for reader, writer in senders:
            assert b"200 OK" in await reader.readuntil(b'{"success":true}')
            writer.close()
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_it_ends_in_time_whatever_a_sender_holds_up(redis_url: str) -> None:
    async with started(REDIS_URL=redis_url, SHUTDOWN_SECONDS="0.5") as process:
        port = await port_of(process)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/t HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        await writer.drain()

        process.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(process.wait(), 5) == 0
        writer.close()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "REDIS_URL"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL"),
        ({"REDIS_URL": "redis://x:port"}, "REDIS_URL"),
        ({"REDIS_URL": "redis://x", "PORT": "x"}, "PORT"),
        ({"REDIS_URL": "redis://x", "MAX_BODY_BYTES": "-1"}, "MAX_BODY_BYTES"),
        ({"REDIS_URL": "redis://x", "HOST": "256.0.0.1"}, "HOST is wrong: cannot listen on 256.0.0.1:0: "),
        ({"REDIS_URL": "redis://x", "HOST": "a..b"}, "HOST is wrong: cannot listen on a..b:0: "),
        ({"REDIS_URL": "redis://x", "HOST": "192.0.2.1"}, "HOST is wrong: cannot listen on 192.0.2.1:0: cannot assign"),
    ],
)
async def test_a_wrong_setting_is_one_line_and_exit_1(environment: dict[str, str], named: str) -> None:
    await _assert_one_line(named, **environment)


async def test_a_port_that_is_taken_is_one_line_and_exit_1(redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = f"PORT is wrong: cannot listen on 127.0.0.1:{port}: address already in use"
        await _assert_one_line(told, REDIS_URL=redis_url, PORT=str(port), LOG_LEVEL="warning")


async def test_where_few_files_may_be_open_it_takes_fewer_sockets_and_answers(redis_url: str) -> None:
    async with started(files="256", REDIS_URL=redis_url) as process, aiohttp.ClientSession() as session:
        listening = await until_logged(process, "listening")
        assert listening["max_open_sockets"] == 128
        async with session.get(f"http://127.0.0.1:{listening['port']}/health/live") as answer:
            assert answer.status == 200


async def test_where_too_few_files_may_be_open_it_is_one_line_and_exit_1(redis_url: str) -> None:
    await _assert_one_line("ulimit -n", files="50", REDIS_URL=redis_url, LOG_LEVEL="warning")


async def test_without_the_http_parser_in_c_it_is_one_line_and_exit_1(redis_url: str) -> None:
    await _assert_one_line("C extensions", REDIS_URL=redis_url, PORT="0", AIOHTTP_NO_EXTENSIONS="1")


async def _assert_one_line(named: str, **environment: str) -> None:
    async with started(**environment) as process:
        line = await refusal_of(process)
    assert line.startswith("web: ")
    assert named in line


async def test_a_header_that_begins_at_once_and_never_ends_is_not_waited_for_longer_than_any(redis_url: str) -> None:
    async with started(REDIS_URL=redis_url, HEADER_TIMEOUT_SECONDS="0.5", KEEPALIVE_SECONDS="600") as process:
        address = ("127.0.0.1", await port_of(process))
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.create_connection(address)) for _ in range(20)]
            for each in sockets:
                each.sendall(b"P")
                each.settimeout(DEADLINE_SECONDS)
            assert [await asyncio.to_thread(each.recv, 1) for each in sockets] == [b""] * 20


async def test_it_ends_where_work_in_the_background_fails_for_a_supervisor_to_start_it_again(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: GroupCommit) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(GroupCommit, "flush_until_closed", fail)
    serving = asyncio.create_task(_serve(WebSettings(redis_url=redis_url, host="127.0.0.1", port=0)))
    ended, _ = await asyncio.wait([serving], timeout=10)
    serving.cancel()
    with pytest.raises(ZeroDivisionError):
        await serving
    assert ended
