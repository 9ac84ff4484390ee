"""Old and new workers side by side, clocks that are wrong, and a process without room to move."""

import asyncio
import resource

import pytest

from tests.faults.producer import sending
from tests.faults.rig import Rig
from tests.faults.verdict import judge

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_old_and_new_workers_side_by_side_lose_and_double_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    rig.workers[1].kill()
    new = rig.worker_program("new", "tests.faults.altered", "worker", "next_version")
    async with sending(producer):
        new.start()  # each throws away the other's wake-ups, which name a job that it does not know
        await asyncio.to_thread(new.wait_until_running)
        await producer.sees("acknowledged", 40)
    await judge(rig, producer)


async def test_clocks_that_differ_and_step_change_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    rig.workers[1].kill()
    behind = rig.worker_program("behind", "tests.faults.altered", "worker", "hour_behind")
    ahead = rig.web_program("ahead", "tests.faults.altered", "ingest", "hour_ahead")
    async with sending(producer):
        behind.start()
        await producer.sees("acknowledged", 20)
        rig.web.kill()
        ahead.start()
        await producer.sees("acknowledged", 20)
        ahead.kill()
        rig.web.start()
        await producer.sees("acknowledged", 20)
    await judge(rig, producer)


async def test_an_endpoint_without_file_descriptors_recovers(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged")
        _, most = resource.prlimit(rig.web.pid, resource.RLIMIT_NOFILE)
        was = resource.prlimit(rig.web.pid, resource.RLIMIT_NOFILE, (1, most))
        rig.links["producer_web"].reset()
        rig.links["web_redis"].reset()
        await producer.sees("unknown", 1)
        resource.prlimit(rig.web.pid, resource.RLIMIT_NOFILE, was)
        await producer.sees("acknowledged")
    await judge(rig, producer)
