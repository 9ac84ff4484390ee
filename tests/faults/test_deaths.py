"""Processes of the product that are killed, frozen, or asked to end, while messages keep coming."""

import asyncio
import signal

import psutil
import pytest
from arq import ArqRedis

from schemas.queue import PARTITIONS
from schemas.settings import WorkerSettings
from tests.faults.altered import DEADLY, POISONOUS
from tests.faults.producer import sending
from tests.faults.program import Program
from tests.faults.rig import Rig
from tests.faults.verdict import is_quiet, judge, settled
from tests.waiting import eventually
from worker.arq_queue import arq_worker
from worker.service import open_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORKER_POINTS = ("after_read", "before_commit", "after_commit", "after_remove")
FROZEN_AT = ("before_commit", "after_commit")
WEB_POINTS = ("before_flush", "after_flush")


async def died(program: Program) -> None:
    async def is_dead() -> bool:
        return not program.is_alive

    await eventually(is_dead, "the process to die")
    assert program.wait() == -signal.SIGKILL


async def test_workers_killed_at_every_point_lose_and_double_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    mortals = [rig.worker_program(f"mortal-{point}") for point in WORKER_POINTS]
    async with sending(producer):
        for mortal, point in zip(mortals, WORKER_POINTS, strict=True):
            mortal.start(VARIANCE_CRASH_AT=f"{point}:2")
        for mortal in mortals:
            await died(mortal)
    await judge(rig, producer)


async def test_an_endpoint_killed_at_any_point_loses_and_doubles_nothing(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    rig.web.kill()
    async with sending(producer):
        for point in WEB_POINTS:
            rig.web.start(VARIANCE_CRASH_AT=f"{point}:9")
            await died(rig.web)
        rig.web.start()
        await rig.serving()
    await judge(rig, producer)
    assert producer.ledger.outcomes["unknown"], "nobody was waiting for an answer"


async def test_what_killed_workers_left_in_arqs_queue_keeps_no_later_worker_from_its_work(
    rig: Rig, seed: int
) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    settings = WorkerSettings(redis_url=rig.redis_url, database_url=rig.database_url)
    arq = ArqRedis.from_url(rig.redis_url)
    async with open_service(settings, asyncio.Event()) as service:
        alike = arq_worker(
            settings, arq, service.sweep.run_drain, woken=service.sweep.woken, stopping=service.stopping
        )
        mark_seconds = alike.in_progress_timeout_s
        for _ in range(3 * PARTITIONS):  # jobs that were begun and never ended
            job = await arq.enqueue_job("drain", 0)
            assert job is not None
            await rig.redis.set(f"arq:in-progress:{job.job_id}", "1", px=int(mark_seconds * 1000))
    await arq.aclose()
    async with sending(producer):
        await producer.sees("acknowledged")
    rig.worker_program("later").start()
    await judge(rig, producer)


async def test_a_worker_killed_while_it_waits_for_a_lock_is_noticed(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    mortal = rig.worker_program("patient", STATEMENT_TIMEOUT_SECONDS="60")
    async with rig.pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE variance_data.messages")
        mortal.start()
        async with sending(producer):
            await eventually(lambda: _waits(rig), "a drain to wait")
        mortal.kill()
        await eventually(lambda: _none_waits(rig), "Postgres to notice the death")
    await rig.heal()
    await judge(rig, producer)


async def test_a_frozen_worker_is_replaced_and_what_it_does_when_thawed_counts_for_nothing(
    rig: Rig, seed: int
) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    frozen = [
        rig.worker_program(f"frozen-{point}", "tests.faults.altered", "worker", "freezing") for point in FROZEN_AT
    ]
    async with sending(producer):
        for worker, point in zip(frozen, FROZEN_AT, strict=True):
            worker.start(VARIANCE_CRASH_AT=f"{point}:2")
        await eventually(lambda: _are_frozen(frozen), "the workers to freeze")
    await eventually(lambda: _none_is_idle_within_a_transaction(rig), "Postgres to end their transactions")
    before = (await settled(rig)).total

    async def goes_on() -> bool:
        return (await settled(rig)).total > before

    rig.workers[0].start()
    await eventually(goes_on, "another worker to go on")
    for worker in frozen:
        worker.send(signal.SIGCONT)
    await judge(rig, producer)


async def test_sigterm_under_load_ends_every_process_cleanly_and_in_time(rig: Rig, seed: int) -> None:
    producer = await rig.new_producer(seed)
    async with sending(producer):
        await producer.sees("acknowledged", 20)
        for program in (rig.web, *rig.workers):
            program.send(signal.SIGTERM)
        codes = [await asyncio.to_thread(program.wait, 10) for program in (rig.web, *rig.workers)]
        await rig.heal()
    assert codes == [0, 0, 0]
    await judge(rig, producer)


async def test_messages_that_cannot_be_folded_or_kill_workers_are_buried_and_all_others_applied(
    rig: Rig, seed: int
) -> None:
    producer = await rig.new_producer(seed)
    for worker in rig.workers:
        worker.kill()
    worker = rig.worker_program("bad", "tests.faults.altered", "worker", "deadly", "poisonous")
    bad = [dict(DEADLY), *(dict(POISONOUS) for _ in range(12))]  # one with each batch of six: more than 5 %
    async with sending(producer):
        await producer.sees("acknowledged", 10)
        producer.extra += bad
        await eventually(lambda: _is_used_up(producer.extra), "the bad messages to be sent")
        await producer.sees("acknowledged", 10)
    starts = 0
    while not (await _is_buried(rig) and await is_quiet(rig)):
        if not worker.is_alive:
            worker.start()
            starts += 1
            # Its sender may have repeated it, and a copy that comes later costs as much again.
            assert starts < 20, "the message goes on killing workers"
        await asyncio.sleep(0.02)
    assert starts > 5, "it was put away before it had killed five"
    fate = await judge(rig, producer)
    assert len(fate.dead) == len(bad)
    assert len(fate.applied) > 50


async def _is_used_up(extra: list[dict[str, str]]) -> bool:
    return not extra


async def _waits(rig: Rig) -> bool:
    return bool(
        await rig.pool.fetchval(
            """SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'variance worker' AND wait_event_type = 'Lock'"""
        )
    )


async def _none_waits(rig: Rig) -> bool:
    return not await _waits(rig)


async def _none_is_idle_within_a_transaction(rig: Rig) -> bool:
    return not await rig.pool.fetchval(
        """SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'variance worker' AND state LIKE 'idle in transaction%'"""
    )


async def _are_frozen(programs: list[Program]) -> bool:
    return all(psutil.Process(program.pid).status() == psutil.STATUS_STOPPED for program in programs)


async def _is_buried(rig: Rig) -> bool:
    return bool(await rig.pool.fetchval("SELECT count(*) FROM variance.dead_letters WHERE reason = 'deadly'"))
