"""Workers that serve some workspaces only, as real processes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from schemas.queue import partitions_of
from schemas.settings import SettingsError, WorkerSettings, read_settings
from tests.cli.command import Variance
from tests.faults.program import Program
from tests.system import System
from tests.waiting import eventually

_MARKS = "variance:served"


@pytest.fixture
async def start_worker(system: System, tmp_path: Path) -> AsyncIterator[Callable[[str], Program]]:
    """Give what starts a worker process that serves the workspaces of these names. No other worker runs."""
    await system.stop_worker()
    await system.redis.delete(_MARKS)  # which lapse by themselves after fifteen seconds
    started: list[Program] = []

    def start(workspaces: str) -> Program:
        urls = {"REDIS_URL": system.redis_url, "DATABASE_URL": system.database_url}
        program = Program(tmp_path / f"worker{len(started)}.log", "worker", **urls, WORKSPACES=workspaces)
        program.start()
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()


async def add_workspace_apart(system: System) -> str:
    """Add a workspace that shares no partition with the default one; give its name."""
    for number in range(20):
        await system.connect("main", workspace=(name := f"w{number}"))
        rows = await system.database.fetch("SELECT name, id FROM variance_data.workspaces")
        ids = {row["name"]: row["id"] for row in rows}
        if partitions_of(ids[name], 16).isdisjoint(partitions_of(ids["default"], 16)):
            return name
    raise AssertionError("all share some")


async def say(system: System, workspace: str) -> None:
    message = {"type": "track", "event": "e", "userId": "u1"}
    assert await system.post("/v1/track", message, f"{workspace}main") == 200


def are_applied(system: System, *workspaces: str) -> Callable[[], Awaitable[bool]]:
    """Give whether these workspaces' messages, and no others', are applied."""

    async def are() -> bool:
        found = await system.database.fetch("SELECT DISTINCT workspace FROM variance.events")
        return {row["workspace"] for row in found} == set(workspaces)

    return are


async def test_a_worker_drains_its_workspaces_partitions_alone_and_an_alarm_tells_who_has_none(
    system: System, start_worker: Callable[[str], Program], variance: Variance
) -> None:
    async def unserved() -> list[str]:
        report = (await variance("status", "--json")).json
        return [alarm["text"] for alarm in report["alarms"] if alarm["code"] == "unserved"]

    name = await add_workspace_apart(system)
    await say(system, name)
    await say(system, "default")
    (waits_in,) = [key.decode() for key in await system.redis.keys("variance:{p*}") if await holds(system, key, name)]
    start_worker(" default , ")
    await eventually(are_applied(system, "default"), "the default workspace's message alone to be applied")
    assert [waits_in in text for text in await unserved()] == [True]
    start_worker(f"{name},default")
    await eventually(are_applied(system, "default", name), "both workspaces' messages to be applied")
    await say(system, name)
    await system.settled()
    assert await unserved() == []


async def holds(system: System, key: bytes, workspace: str) -> bool:
    entries = await system.redis.xrange(key) if await system.redis.type(key) == b"stream" else []
    return any(field.decode().startswith(f"{workspace}main:") for _, fields in entries for field in fields)


async def test_a_workspace_that_is_made_later_is_served_from_then_on(
    system: System, start_worker: Callable[[str], Program]
) -> None:
    worker = start_worker("later")
    await asyncio.to_thread(worker.wait_until_said, b"workspace is not there")
    await system.connect("main", workspace="later")
    await say(system, "later")
    await eventually(are_applied(system, "later"), "its message to be applied")


def test_a_list_without_a_name_stops_the_process_with_the_variables_name() -> None:
    with pytest.raises(SettingsError, match=r"^WORKSPACES is wrong"):
        read_settings(WorkerSettings, {"REDIS_URL": "redis://a", "DATABASE_URL": "postgres://a/b", "WORKSPACES": " , "})
