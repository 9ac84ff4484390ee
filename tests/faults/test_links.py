"""Links between the parts that are slow, cut before the reply, half-open or reset, while messages keep coming."""

import asyncio
import json
import sys

import pytest

from tests.faults.producer import sending
from tests.faults.rig import Rig
from tests.faults.verdict import judge, quiet
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

BETWEEN_PARTS = ("producer_web", "web_redis", "worker_redis", "worker_postgres")


async def test_links_that_are_slow_delay_and_nothing_else(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        for link in BETWEEN_PARTS:
            rig.links[link].delay_seconds = 0.05
            await producer.sees("acknowledged")
            rig.links[link].heal()
            rig.links[link].bytes_per_second = 100_000
            await producer.sees("acknowledged")
            rig.links[link].heal()
    await judge(rig, producer)


async def test_links_that_are_reset_again_and_again_lose_and_double_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    pids = rig.pids()
    async with sending(producer):
        for _ in range(6):
            for link in BETWEEN_PARTS:
                rig.links[link].reset()
                await producer.sees("acknowledged", 1)
    await judge(rig, producer)
    assert rig.pids() == pids, "a process did not outlive it"


async def test_a_connection_that_breaks_under_the_hand_ends_no_process(rig: Rig, seed: int) -> None:
    rig.web.kill()
    rig.workers[1].kill()
    web = rig.web_program("broken-web", "tests.faults.altered", "ingest", "closed_transports")
    worker = rig.worker_program("broken-worker", "tests.faults.altered", "worker", "closed_transports")
    web.start()
    worker.start()
    await asyncio.to_thread(worker.wait_until_running)
    for number in range(2):  # the second needs an endpoint that still looks for new connections
        producer = await rig.new_producer(seed + number)
        async with sending(producer):
            await producer.sees("acknowledged", 10)
        await judge(rig, producer)
    for program in (web, worker):
        await asyncio.to_thread(program.wait_until_said, b"RuntimeError")
        assert program.is_alive


@pytest.mark.parametrize(
    ("link", "last_word"),
    [
        ("producer_web", b"POST "),
        ("web_redis", b"EXEC"),
        ("worker_redis", b"XDEL"),
        ("worker_postgres", b"COMMIT;"),
    ],
)
async def test_a_reply_that_is_cut_off_is_neither_a_loss_nor_a_second_effect(
    rig: Rig, seed: int, link: str, last_word: bytes
) -> None:
    producer = await rig.new_producer(seed)
    proxy = rig.links[link]
    async with sending(producer):
        await producer.sees("acknowledged")
        proxy.cuts_reply = lambda forwarded: last_word in forwarded and proxy.cuts < 4

        async def is_cut() -> bool:
            return proxy.cuts >= 4

        await eventually(is_cut, "four replies to be cut off")
    proxy.heal()
    proxy.cuts = 0
    await judge(rig, producer)


async def test_an_endpoint_s_half_open_link_delays_and_nothing_else(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged")
        rig.links["web_redis"].is_deaf = True
        await producer.sees("refused", 3)
        rig.links["web_redis"].heal()
    await judge(rig, producer)


@pytest.mark.parametrize("link", ["worker_redis", "worker_postgres"])
async def test_a_worker_gives_its_half_open_connections_up_and_goes_on_over_new_ones(
    rig: Rig, seed: int, link: str
) -> None:
    producer = await rig.new_producer(seed)
    rig.workers[1].kill()
    async with sending(producer):
        await producer.sees("acknowledged")
        rig.links[link].deafen()
        await producer.sees("acknowledged")
    await quiet(rig)  # while those connections still stand
    rig.links[link].heal()
    await judge(rig, producer)


async def test_the_commands_tell_in_one_line_what_they_cannot_reach_and_balance_when_they_can(
    rig: Rig, seed: int
) -> None:
    producer = await rig.new_producer(seed)
    environ = {"REDIS_URL": rig.url_over("cli_redis"), "DATABASE_URL": rig.url_over("cli_postgres")}

    async def status() -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker.cli", "status", "--json",
            env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await process.communicate()
        return process.returncode, said.decode(), complained.decode()

    for link in ("cli_redis", "cli_postgres"):
        rig.links[link].refuses = True
        code, _, complaint = await status()
        assert (code, len(complaint.splitlines())) == (1, 1), complaint
        rig.links[link].heal()
    async with sending(producer):
        await producer.sees("acknowledged", 20)
    await judge(rig, producer)
    code, said, complaint = await status()
    report = json.loads(said)
    assert (code, complaint, report["balanced"], report["pending"]) == (0, "", True, 0)
