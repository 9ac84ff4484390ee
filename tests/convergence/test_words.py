"""The words that somebody is found by are those that are known of them, as soon as they are read again."""

import asyncio
import itertools
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.convergence.stage import Stage
from tests.convergence.test_deletion import deliveries_with_deletions
from tests.convergence.test_unlink import set_link
from tests.convergence.words import ADA, KNOWN, READ, SIGN_IN, VISIT, has, read_all, rows, waiting
from tests.convergence.worlds import Delivery, told
from worker.rebuild import RebuildOptions, rebuild
from worker.store.words import Stale, read_stale, settle_stale, shorten_stale, write_words


async def test_words_follow_a_change_a_merge_and_an_unlink(stage: Stage, pool: asyncpg.Pool) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [[ADA, VISIT]], at_once=False)
    await read_all(pool)
    assert (await has(stage, "gloriana"), await has(stage, "orchidea")) == (["ada"], ["somebody"])
    await stage.deliver(workspace, [[SIGN_IN]], at_once=False)
    await read_all(pool)
    assert await has(stage, "gloriana & orchidea & ada") == ["ada"]
    assert await has(stage, "orchidea") == ["ada"]
    await set_link(stage, workspace, SIGN_IN, undo=False)
    await read_all(pool)
    assert (await has(stage, "gloriana"), await has(stage, "orchidea")) == (["ada"], ["somebody"])
    groups = [told("group", 4 + number, 2, userId="ada", groupId="g1", traits={"name": name})
              for number, name in enumerate(["Initech", "Hooli"])]  # fmt: skip
    changed = told("identify", 3, 2, userId="ada", traits={"plan": "hortensia"})
    for message in (groups[0], changed, groups[1]):
        await stage.deliver(workspace, [[message]], at_once=False)
        await read_all(pool)
        assert await rows(stage, READ) == await rows(stage, KNOWN)
    assert (await has(stage, "gloriana"), await has(stage, "hortensia")) == ([], ["ada"])
    assert await waiting(stage) == 0


async def test_what_changes_no_words_has_none_read_again(stage: Stage, pool: asyncpg.Pool) -> None:
    workspace = await stage.new_workspace()
    group = told("group", 4, userId="ada", groupId="g1", traits={"name": "Initech"})
    await stage.deliver(workspace, [[ADA, group]], at_once=False)
    assert await waiting(stage) > 0
    await read_all(pool)
    assert await waiting(stage) == 0
    same = [ADA | {"messageId": "m10", "timestamp": "2026-03-01T00:05:00.000Z"},
            group | {"messageId": "m11", "timestamp": "2026-03-01T00:05:00.000Z"},
            told("track", 12, 6, userId="ada", event="Clicked"),
            told("page", 13, 6, anonymousId="nobody yet", name="Home")]  # fmt: skip
    await stage.deliver(workspace, [[message] for message in same], at_once=False)
    assert await waiting(stage) == 0
    assert (await stage.state(workspace)).contacts[frozenset({"ada"})][5] == "2026-03-01T00:06:00.000Z"


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "waiting"])
@pytest.mark.parametrize("is_unlinked", [False, True], ids=["merged", "unlinked"])
async def test_the_words_of_the_deleted_go_with_them_and_not_later(
    stage: Stage, pool: asyncpg.Pool, is_read: bool, is_unlinked: bool
) -> None:
    workspace = await stage.new_workspace()
    renamed = told("alias", 5, 2, userId="bea", previousId="ada")
    bea = told("identify", 6, 2, userId="bea", traits={"seats": "orchidea"})
    await stage.deliver(workspace, [[ADA, bea], [renamed]], at_once=False)
    await read_all(pool)
    assert await has(stage, "gloriana & orchidea") == ["bea"]
    if is_unlinked:
        await set_link(stage, workspace, renamed, undo=False)
    if is_read:
        await read_all(pool)
    deletion = told("delete", 7, 9, userId="ada")
    await stage.deliver(workspace, [[deletion]], at_once=False)
    assert await has(stage, "gloriana") == []
    await read_all(pool)
    assert await has(stage, "orchidea") == (["bea"] if is_unlinked else [])


@pytest.mark.parametrize(
    ("change", "found"),
    [("SELECT FROM variance_data.contacts FOR UPDATE", ["ada"]), ("DELETE FROM variance_data.contacts", [])],
    ids=["changed", "deleted"],
)
async def test_words_of_somebody_who_is_being_changed_or_deleted_are_read_once_that_is_done(
    stage: Stage, pool: asyncpg.Pool, database_url: str, change: str, found: list[str]
) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [[ADA]], at_once=False)
    changing = await asyncpg.connect(database_url)
    async with changing.transaction():
        await changing.execute(change)
        await read_all(pool)  # and neither waits nor writes
        assert await stage.database.fetch("SELECT FROM variance_data.search_words") == []
        assert await waiting(stage) == 1
    await changing.close()
    await read_all(pool)
    assert await has(stage, "gloriana") == found
    assert await waiting(stage) == 0


async def test_a_rebuild_that_repairs_contacts_has_their_words_read_again(stage: Stage, pool: asyncpg.Pool) -> None:
    workspace = await stage.new_workspace()
    group = told("group", 4, userId="ada", groupId="g1", traits={"name": "Initech"})
    await stage.deliver(workspace, [[ADA, VISIT, group]], at_once=False)
    damage = """UPDATE variance_data.contacts SET traits = '{"plan": "wrong"}' WHERE external_id = 'ada'"""
    await stage.database.execute(damage)
    await stage.database.execute("DELETE FROM variance_data.contacts WHERE external_id IS NULL")
    await stage.database.execute("UPDATE variance_data.accounts SET traits = '{}'")
    await read_all(pool)
    assert (await has(stage, "wrong"), await has(stage, "orchidea")) == (["ada"], [])
    for is_dry_run in (True, False):
        await rebuild(stage.database_url, RebuildOptions(is_dry_run=is_dry_run), lambda _done, _total: None)
        assert (await waiting(stage) == 0) is is_dry_run
    assert await has(stage, "wrong") == []
    await read_all(pool)
    assert await rows(stage, READ) == await rows(stage, KNOWN)
    assert await has(stage, "gloriana") == ["ada"]


class _Reader:
    """A console whose reading goes a step at a time, so that anything may happen in between."""

    def __init__(self, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._database = database
        self._steps = itertools.cycle([self._read, self._write, self._settle])
        self._stale: Sequence[Stale] = ()
        self._busy: list[set[UUID]] = []

    async def step(self) -> None:
        await next(self._steps)()

    async def _read(self) -> None:
        self._stale = await read_stale(self._database)

    async def _write(self) -> None:
        self._busy = [await write_words(self._database, stale, stale.subject_ids) for stale in self._stale]

    async def _settle(self) -> None:
        for stale, busy in zip(self._stale, self._busy, strict=True):
            await settle_stale(self._database, stale, busy)


async def test_what_changes_while_words_are_read_is_read_once_more(stage: Stage, pool: asyncpg.Pool) -> None:
    workspace, reader = await stage.new_workspace(), _Reader(stage.database)
    for number, plan in enumerate(["gloriana", "hortensia", "orchidea", "viola"]):
        changed = told("identify", number, number, userId="ada", traits={"plan": plan})
        group = told("group", 10 + number, number, userId="ada", groupId="g1", traits={"name": plan})
        await stage.deliver(workspace, [[changed, group]], at_once=False)
        await reader.step()
    await read_all(pool)
    assert await rows(stage, READ) == await rows(stage, KNOWN)
    assert await has(stage, "viola & ada") == ["ada"]


@settings(max_examples=40)
@given(
    delivery=deliveries_with_deletions(),
    steps=st.lists(st.lists(st.sampled_from(["one", "other", "merge"]), max_size=5), max_size=5),
)
async def test_words_are_those_that_are_known_whenever_they_are_read(
    stage: Stage, pool: asyncpg.Pool, delivery: Delivery, steps: list[list[str]]
) -> None:
    workspace = await stage.new_workspace()
    readers = {name: _Reader(stage.database) for name in ("one", "other")}
    for number, batch in enumerate(delivery.batches):
        await stage.deliver(workspace, [batch], at_once=False)
        for step in steps[number] if number < len(steps) else []:
            await (shorten_stale(stage.database, 1) if step == "merge" else readers[step].step())
    await read_all(pool)
    assert await rows(stage, READ) == await rows(stage, KNOWN)
    assert await waiting(stage) == 0


@settings(max_examples=8)
@given(delivery=deliveries_with_deletions())
async def test_words_that_are_read_while_everything_arrives_are_those_that_are_known(
    stage: Stage, pool: asyncpg.Pool, delivery: Delivery
) -> None:
    arriving = asyncio.create_task(stage.deliver(await stage.new_workspace(), delivery.batches, at_once=True))
    while not arriving.done():
        await asyncio.gather(read_all(pool), read_all(pool))
    await arriving
    out_of_date = {subject for _, subject, *_ in await rows(stage, READ) ^ await rows(stage, KNOWN)}
    waiting_for = await stage.database.fetch("SELECT unnest(subject_ids) FROM variance_data.stale_words")
    assert out_of_date <= {row[0] for row in waiting_for}
    await read_all(pool)
    assert await rows(stage, READ) == await rows(stage, KNOWN)
    assert await waiting(stage) == 0


async def test_what_nobody_reads_does_not_grow_with_what_is_changed_again(stage: Stage, pool: asyncpg.Pool) -> None:
    workspace = await stage.new_workspace()
    counts = []
    for number in range(12):
        changed = told("identify", number, number, userId="ada", traits={"plan": f"viola{number}"})
        await stage.deliver(workspace, [[changed]], at_once=False)
        await shorten_stale(stage.database, 3)
        counts.append(await waiting(stage))
    assert max(counts) == 3
    await read_all(pool)
    assert await has(stage, "viola11") == ["ada"]


async def test_those_whom_a_deletion_only_touches_are_found_as_before(stage: Stage, pool: asyncpg.Pool) -> None:
    workspace = await stage.new_workspace()
    bea = told("identify", 6, 0, userId="bea", anonymousId="shared", traits={"seats": "orchidea"})
    ada = told("identify", 7, 1, userId="ada", anonymousId="shared", traits={"plan": "gloriana"})
    await stage.deliver(workspace, [[bea], [ada]], at_once=False)
    await read_all(pool)
    await stage.deliver(workspace, [[told("delete", 8, 9, userId="ada")]], at_once=False)
    await read_all(pool)
    assert (await has(stage, "gloriana"), await has(stage, "orchidea")) == ([], ["bea"])


async def test_words_of_those_who_are_gone_go_wherever_they_come_from(stage: Stage, pool: asyncpg.Pool) -> None:
    await stage.deliver(await stage.new_workspace(), [[ADA]], at_once=False)
    insert = """INSERT INTO variance_data.search_words
        SELECT s.workspace_id, n, s.is_account, to_tsvector('simple', 'gloriana')
        FROM variance_data.stale_words s CROSS JOIN unnest(s.subject_ids) n"""
    await stage.database.execute(insert)
    await stage.database.execute("DELETE FROM variance_data.contacts")
    await read_all(pool)
    assert await stage.database.fetch("SELECT FROM variance_data.search_words") == []
