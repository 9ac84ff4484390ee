import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from schemas.settings import WorkerSettings
from tests.journeys.messages import alias, identify, track
from tests.monitoring.exposed import Samples, samples_of
from tests.processes import ROOT, refusal_of, started, until_logged
from tests.system import System, running_system
from tests.waiting import eventually
from worker.drain_metrics import DrainMetrics
from worker.drain_notes import DrainNotes
from worker.service import run_worker

OUTCOMES = ("applied", "duplicate", "suppressed", "dead")


@asynccontextmanager
async def measured(redis_url: str, database_url: str) -> AsyncIterator[tuple[System, CollectorRegistry]]:
    """A system whose worker counts what it does."""
    registry = CollectorRegistry()
    async with running_system(redis_url, database_url, with_worker=False) as system:
        settings = WorkerSettings(redis_url=redis_url, database_url=database_url)
        system.worker_task = asyncio.create_task(run_worker(settings, system.worker_stop, DrainMetrics(registry)))
        yield system, registry


async def test_what_drains_do_is_counted_as_the_ledger_and_the_views_have_it(
    redis_url: str, database_url: str
) -> None:
    async with measured(redis_url, database_url) as (system, registry):
        await system.send(identify(1, userId="a"), identify(1, userId="b"), identify(2, userId="only"), {"type": "x"})
        await system.send(
            alias("a", "b", 5), alias("only", "new", 6), alias("nobody", "known-to-none", 7), alias("null", "b", 8),
            track("E", 9, userId="a"), track("E", 9, userId="c"), {"type": "x", "messageId": "again"},
        )  # fmt: skip
        await system.send({"type": "delete", "userId": "c", "messageId": "d", "timestamp": "2030-01-01T00:00:00Z"})
        await system.send({"type": "x", "messageId": "again"}, track("Late", 3, userId="c"))
        await system.database.execute(
            """ALTER TABLE variance_data.messages ADD CONSTRAINT no_poison CHECK (body ->> 'event' <> 'poison')"""
        )
        for again in (alias("a", "third", 20), alias("a", "b", 21), alias("a", "b", 22)):
            await system.send(again)
        # All in one partition, by who sent them: what is rolled back for the poison's sake counts once all the same.
        await system.send(
            alias("another", "b", 10), {"type": "x", "messageId": "b"}, track("poison", 11, userId="b"),
            identify(12, userId="b"),
        )  # fmt: skip
        ledger, merges = await system.ledger(), await system.rows("merges", "outcome")
        letters = await system.rows("dead_letters", "reason")
        await system.stop_worker()
        samples = samples_of(generate_latest(registry).decode())

    counted = {name: samples.get(("variance_messages_settled_total", f"outcome={name}"), 0) for name in OUTCOMES}
    assert counted == ledger
    assert ledger["suppressed"] > 0
    assert samples["variance_drain_messages_sum", ""] == sum(ledger.values())
    assert by_label(samples, "variance_merges_total") == tally(row[0] for row in merges)
    assert set(by_label(samples, "variance_merges_total")) == {"merged", "renamed", "recorded", "refused"}
    assert by_label(samples, "variance_dead_letters_total") == tally(row[0] for row in letters)
    steps = by_label(samples, "variance_drain_step_seconds_sum")
    assert set(steps) == {"connect", "read", "apply", "log", "fold", "settle", "commit", "remove"}
    assert all(seconds > 0 for seconds in steps.values())
    assert abs(sum(steps.values()) - samples["variance_drain_seconds_sum", ""]) < 1e-6


def test_the_time_of_a_part_is_not_its_steps_as_well() -> None:
    notes = DrainNotes()
    notes.part("log", 5.0)
    notes.lap("apply")
    notes.lap("commit")
    assert notes.seconds["log"] == 5.0
    assert sum(notes.seconds.values()) < 5.0
    assert notes.seconds["commit"] >= 0


def by_label(samples: Samples, name: str) -> dict[str, float]:
    return {labels.partition("=")[2]: value for (found, labels), value in samples.items() if found == name}


def tally(names: Iterable[str]) -> dict[str, float]:
    return {name: float(count) for name, count in Counter(names).items()}


@asynccontextmanager
async def worker_process(
    system: System, port: int, folder: Path | None, stderr: int = DEVNULL
) -> AsyncIterator[Process]:
    shared = {} if folder is None else {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    environ = {"PATH": os.environ["PATH"], "REDIS_URL": system.redis_url, "DATABASE_URL": system.database_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worker", cwd=ROOT, stderr=stderr,
        env=environ | shared | {"WORKER_METRICS_PORT": str(port)},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() in (0, -9)


async def scraped(port: int) -> Samples | None:
    try:
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}/metrics") as answer:
            return samples_of(await answer.text())
    except aiohttp.ClientError:
        return None


async def test_workers_that_share_a_folder_are_told_of_by_whoever_has_the_port(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def is_all_told() -> bool:
        samples = await scraped(port)
        return samples is not None and samples.get(("variance_messages_settled_total", "outcome=applied")) == sent

    async with (
        running_system(redis_url, database_url, with_worker=False) as system,
        worker_process(system, port, tmp_path) as first,
    ):
        sent = 0
        await eventually(lambda: is_served(port), "the first worker's metrics")
        async with worker_process(system, port, tmp_path):
            await system.send(*[track("E", 1, userId=f"u{number}") for number in range(50)])
            sent = 50
            await eventually(is_all_told, "both workers' counts")
            first.kill()
            await first.wait()
            await eventually(is_all_told, "the other worker to tell what the killed one had counted")


async def is_served(port: int) -> bool:
    return await scraped(port) is not None


async def test_a_port_that_is_taken_keeps_no_worker_from_applying(redis_url: str, database_url: str) -> None:
    async with running_system(redis_url, database_url, with_worker=False) as system:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            async with worker_process(system, port, None, stderr=PIPE) as process:
                await system.send(track("E", 1, userId="u"))
                record = await until_logged(process, "metrics port not to be had yet")
                assert record["variable"] == "WORKER_METRICS_PORT"
                taken.close()
                await eventually(lambda: is_served(port), "the port to be taken over")
                samples = await scraped(port)
    assert samples is not None
    assert samples["variance_messages_settled_total", "outcome=applied"] == 1
    assert ("process_resident_memory_bytes", "") in samples or sys.platform != "linux"


async def test_a_shared_folder_that_is_not_there_is_one_line_and_exit_1(tmp_path: Path) -> None:
    told = await refused(WORKER_METRICS_PORT="0", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "none"))
    assert told == "worker: PROMETHEUS_MULTIPROC_DIR is no folder that can be written to"


@pytest.mark.parametrize("host", ["999.1.1.1", "a..b", "192.0.2.1"])
async def test_an_address_where_no_worker_can_listen_is_one_line_and_exit_1(host: str) -> None:
    told = await refused(WORKER_METRICS_PORT="0", WORKER_METRICS_HOST=host)
    assert told.startswith(f"worker: WORKER_METRICS_HOST is wrong: cannot listen on {host}:0: ")


async def refused(**environ: str) -> str:
    """Start a worker that ends by itself with exit code 1; give the one line that it says."""
    servers = {"REDIS_URL": "redis://x", "DATABASE_URL": "postgres://x"}
    async with started(sys.executable, "-m", "worker", **servers | environ) as process:
        return await refusal_of(process)
