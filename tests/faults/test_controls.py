"""The tests of faults would tell: with a promise broken on purpose, each of these runs ends in red."""

import asyncio

import pytest

from tests.faults.producer import Producer, sending
from tests.faults.rig import Rig
from tests.faults.test_deaths import died
from tests.faults.verdict import judge, quiet

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_without_deduplication_it_is_told_that_messages_count_twice(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    worker = rig.worker_program("control", "tests.faults.altered", "worker", "without_deduplication")
    worker.start()
    await asyncio.to_thread(worker.wait_until_running)
    async with sending(producer):
        await producer.sees("acknowledged", 20)
    await quiet(rig)
    again = Producer(seed, producer.url, producer.ledger, producer.workspaces)
    async with sending(again):  # the same messages
        await again.sees("acknowledged", 20)
    with pytest.raises(AssertionError, match=r"more or less than once|is not the model's"):
        await judge(rig, producer)


async def test_with_removal_before_the_commit_it_is_told_that_messages_are_lost(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    worker = rig.worker_program("control", "tests.faults.altered", "worker", "removing_early")
    async with sending(producer):
        await producer.sees("acknowledged", 20)
        worker.start(VARIANCE_CRASH_AT="before_commit:3")
        await died(worker)
    rig.workers[0].start()
    with pytest.raises(AssertionError, match="lost"):
        await judge(rig, producer)


async def test_with_the_answer_before_the_write_it_is_told_that_messages_are_lost(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    rig.web.kill()
    web = rig.web_program("control", "tests.faults.altered", "ingest", "answering_early")
    web.start(VARIANCE_CRASH_AT="before_flush:20")
    async with sending(producer):
        await died(web)
        rig.web.start()
        await rig.serving()
    with pytest.raises(AssertionError, match="lost"):
        await judge(rig, producer)
