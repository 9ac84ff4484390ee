"""A trim beside others: who writes, rebuilds or changes what is kept meanwhile, and other workspaces' trims."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.convergence.stage import Stage, open_stage
from tests.convergence.test_retention import SHARED, differences, minute, trim_until
from tests.convergence.worlds import told
from worker.fold.account_rules import AccountRules
from worker.rebuild import RebuildOptions, rebuild
from worker.retention.trim import Steps, trim_due
from worker.store.connections import NewConnection, insert_connection
from worker.store.database import connect
from worker.store.locks import REBUILD_LOCK
from worker.store.retention import list_due, set_retention


def meanwhile(work: Callable[[], Coroutine[Any, Any, None]], turn: int) -> Callable[[], bool]:
    """Give an `is_stopping` that has this done, to its end, when it is asked for the so-manieth time; nothing stops."""
    asked = itertools.count(1)

    def is_stopping() -> bool:
        if next(asked) == turn:
            with ThreadPoolExecutor() as threads:
                threads.submit(asyncio.run, work()).result()
        return False

    return is_stopping


def keeping(stage: Stage, workspace_id: int, kept: timedelta | None) -> Callable[[], Coroutine[Any, Any, None]]:
    """Give the work of saying, over a connection of its own, for how long a workspace keeps its events."""

    async def keep() -> None:
        async with connect(stage.database_url) as database:
            await set_retention(database, workspace_id, kept)

    return keep


async def test_a_trim_waits_for_whoever_does_not_know_its_bound(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [SHARED], at_once=False)
    async with stage.drains[0].pool.acquire() as other, other.transaction():
        await other.fetch("SELECT * FROM variance_data.retention")
        assert not await trim_until(stage, workspace, minute(5), Steps(wait_seconds=0.2))
        assert len((await stage.state(workspace)).events) == len(SHARED)
    assert await trim_until(stage, workspace, minute(5))
    assert len((await stage.state(workspace)).events) == 1


async def test_nothing_is_trimmed_during_a_rebuild(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [SHARED], at_once=False)
    async with stage.drains[0].pool.acquire() as other:
        await other.execute(f"SELECT pg_advisory_lock({REBUILD_LOCK})")
        assert not await trim_until(stage, workspace, minute(5))
        assert len((await stage.state(workspace)).events) == len(SHARED)


async def test_a_workspace_that_cannot_be_trimmed_keeps_no_other_from_its_turn(stage: Stage) -> None:
    broken, sound = [await stage.new_workspace() for _ in range(2)]
    for workspace in (broken, sound):
        await stage.deliver(workspace, [SHARED], at_once=False)
        await set_retention(stage.database, await stage.workspace_id(workspace), timedelta(days=1))
    broken_id = await stage.workspace_id(broken)
    await stage.database.execute(
        "DELETE FROM variance_data.identities WHERE value = 'a1' AND workspace_id = $1", broken_id
    )
    with capture_logs() as logs:
        await trim_due(stage.drains[0].pool, datetime.now(UTC), lambda: False)
    assert (await stage.state(sound)).events == {}
    told_of = [(line["workspace_id"], line["failure"]) for line in logs if line["log_level"] == "warning"]
    assert told_of == [(broken_id, "ConcurrentChangeError")]


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("kept", [None, timedelta(days=36500)])
async def test_nothing_goes_once_events_are_kept_for_longer(stage: Stage, turn: int, kept: timedelta | None) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [SHARED], at_once=False)
    id_ = await stage.workspace_id(workspace)
    await set_retention(stage.database, id_, timedelta(days=1))
    # Before its turn, and when its first events are about to go.
    await trim_due(stage.drains[0].pool, datetime.now(UTC), meanwhile(keeping(stage, id_, kept), turn))
    assert len((await stage.state(workspace)).events) == len(SHARED)


async def test_a_workspace_that_keeps_events_for_less_time_since_its_pass_began_has_its_turn_again_soon(
    stage: Stage,
) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [SHARED], at_once=False)
    id_ = await stage.workspace_id(workspace)
    await set_retention(stage.database, id_, timedelta(days=2))
    now = datetime.now(UTC)
    await trim_due(stage.drains[0].pool, now, meanwhile(keeping(stage, id_, timedelta(days=1)), 2))
    assert await list_due(stage.database, now - timedelta(hours=1)) == [id_]


async def test_what_a_connection_sends_that_is_made_meanwhile_is_in_no_trims_way(
    stage: Stage, redis_url: str
) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [[told("page", n, 1, userId=f"u{n}") for n in range(3)]], at_once=False)
    # Without a time of their own, or they would be suppressed.
    timeless = {"connection": "late", "timestamp": None, "originalTimestamp": "2026-03-01T00:02:00.000Z"}
    late = [told("page", 9 + n, userId=f"u{n}") | timeless for n in range(3)]
    connection = NewConnection(f"{workspace}late", "late", workspace, "", AccountRules("group"))

    async def connect_and_send() -> None:
        async with open_stage(redis_url, stage.database_url, workers=1) as other:
            await insert_connection(other.database, connection)
            await other.deliver(workspace, [late], at_once=False)

    during = meanwhile(connect_and_send, 2)
    assert await trim_until(stage, workspace, minute(30), Steps(identities=1), during)
    assert (await stage.state(workspace)).events.keys() == {message["messageId"] for message in late}


async def test_a_trim_goes_by_account_rules_that_are_changed_meanwhile(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    world = [
        told("track", 10 * user + n, n, userId=f"u{user}", event="Clicked", connection="e", context=context)
        for user in range(3)
        for n, context in enumerate([{}, *[{"groupId": f"g{user}"}] * 3, {}])
    ]
    await stage.deliver(workspace, [world], at_once=False)
    options = RebuildOptions(await stage.workspace_id(workspace), {f"{workspace}e": AccountRules("group")})

    async def change() -> None:
        await rebuild(stage.database_url, options, lambda _done, _total: None)

    during = meanwhile(change, 1)
    assert await trim_until(stage, workspace, minute(30), Steps(identities=1, events=2), during)
    assert (await stage.state(workspace)).accounts.keys() == {("group", f"g{user}") for user in range(3)}
    assert await differences(stage, workspace) == {0}


async def test_a_trim_keeps_no_old_rows_from_being_vacuumed(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await set_retention(stage.database, await stage.workspace_id(workspace), timedelta(days=1))
    snapshots: list[str | None] = []

    async def look() -> None:
        async with connect(stage.database_url) as database:
            rows = await database.fetch(
                """SELECT a.backend_xmin::text AS snapshot FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
                WHERE l.locktype = 'advisory' AND a.datname = current_database()"""
            )
        snapshots.extend(row["snapshot"] for row in rows)

    await trim_due(stage.drains[0].pool, datetime.now(UTC), meanwhile(look, 1))
    assert snapshots == [None]
