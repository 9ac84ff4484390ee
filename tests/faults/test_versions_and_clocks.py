"""Old and new workers side by side, clocks that are wrong, and a process without room to move."""

import asyncio
import resource
from functools import partial

import pytest

from tests.faults.altered import POISONOUS
from tests.faults.producer import sending
from tests.faults.rig import Rig
from tests.faults.verdict import judge
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DIED_BEFORE = "SELECT count(*) FROM variance_data.dead_letters WHERE died_at < now() - interval '30 minutes'"
_CAME_LATER = "SELECT count(*) FROM variance_data.messages WHERE received_at > now() + interval '30 minutes'"


async def test_old_and_new_workers_side_by_side_lose_and_double_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    rig.workers[1].kill()
    new = rig.worker_program("new", "tests.faults.altered", "worker", "next_version")
    async with sending(producer):
        new.start()  # each throws away the other's wake-ups, which name a job that it does not know
        await asyncio.to_thread(new.wait_until_running)
        await producer.sees("acknowledged", 40)
        await asyncio.to_thread(rig.workers[0].wait_until_said, b"function 'drain_v2' not found")
        await asyncio.to_thread(new.wait_until_said, b"partition drained")
    await judge(rig, producer)


async def test_clocks_that_differ_and_step_change_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    behind = rig.worker_program("behind", "tests.faults.altered", "worker", "hour_behind", "poisonous")
    ahead = rig.web_program("ahead", "tests.faults.altered", "ingest", "hour_ahead")
    async with sending(producer):
        behind.start()
        producer.extra.append(dict(POISONOUS))
        await eventually(partial(_has, rig, _DIED_BEFORE), "a message to have died an hour ago")
        rig.workers[0].start()
        rig.web.kill()
        ahead.start()
        await eventually(partial(_has, rig, _CAME_LATER), "a message to have come in an hour")
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


async def _has(rig: Rig, count: str) -> bool:
    return bool(await rig.pool.fetchval(count))
