"""Folding the log again changes nothing after any history, and repairs what was damaged."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.convergence.model import expected
from tests.convergence.stage import Stage, open_stage
from tests.convergence.worlds import METHODS, Delivery, deliveries, told
from tests.waiting import eventually
from worker.fold.account_rules import AccountRules
from worker.fold.ids import account_id
from worker.rebuild import Difference, RebuildError, RebuildOptions, rebuild
from worker.store.locks import REBUILD_LOCK

_WORLD = [
    told("identify", 0, 1, userId="u1", anonymousId="a1", traits={"email": "p@acme.example", "plan": 1}),
    told("group", 1, 2, userId="u1", groupId="g1", traits={"name": "Initech"}),
    told("track", 2, 3, anonymousId="a1", event="Clicked"),
    told("alias", 3, 4, userId="u2", previousId="u1"),
]


async def run(stage: Stage, **options: object) -> Difference:
    return await rebuild(stage.database_url, RebuildOptions(**options), lambda _done, _total: None)  # type: ignore[arg-type] # given by name


@settings(max_examples=25)
@given(delivery=deliveries(), most_links=st.sampled_from([500, 2]))
async def test_after_any_history_a_rebuild_changes_nothing(stage: Stage, delivery: Delivery, most_links: int) -> None:
    workspace = await stage.new_workspace(most_links)
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    difference = await run(stage, workspace_id=await stage.workspace_id(workspace))
    assert set(difference.rows.values()) == {0}, difference
    assert await stage.state(workspace) == expected(delivery.world, METHODS, most_links)


async def test_a_dry_run_counts_what_is_damaged_and_a_rebuild_repairs_it(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [_WORLD], at_once=False)
    before = await stage.state(workspace)
    await stage.database.execute("DELETE FROM variance_data.contacts")
    await stage.database.execute("UPDATE variance_data.identities SET traits = '{}'")
    difference = await run(stage, is_dry_run=True)
    assert (difference.rows["contacts"], difference.rows["identities"]) == (1, 1)
    assert await stage.state(workspace) != before
    await run(stage)
    assert await stage.state(workspace) == before


async def test_a_rebuild_brings_accounts_together_that_were_two_forms_of_a_domain(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    sent, readable = "xn--bcher-kva.example", "bücher.example"
    world = [
        told("identify", number, number, connection="e", userId=f"u{number}", traits={"email": f"p@{domain}"})
        for number, domain in enumerate([sent, readable])
    ]
    await stage.deliver(workspace, [world], at_once=False)
    id_ = await stage.workspace_id(workspace)
    apart = account_id(id_, "email", sent), account_id(id_, "email", readable)
    for change in (
        """INSERT INTO variance_data.accounts
        SELECT workspace_id, $1, source, 'xn--bcher-kva.example', is_own, traits, first_seen_at, last_seen_at
        FROM variance_data.accounts WHERE id = $2""",
        "UPDATE variance_data.messages SET account_id = $1 WHERE account_id = $2 AND message_id = 'm00'",
        "UPDATE variance_data.contacts SET account_id = $1 WHERE account_id = $2 AND external_id = 'u0'",
    ):
        await stage.database.execute(change, *apart)
    await stage.database.execute(
        """UPDATE variance_data.identities
        SET account_evidence = replace(account_evidence::text, 'bücher.example', 'xn--bcher-kva.example')::jsonb
        WHERE value = 'u0'"""
    )
    assert {key for _, key in (await stage.state(workspace)).accounts} == {sent, readable}
    assert (await run(stage)).moved_contacts == 1
    state = await stage.state(workspace)
    assert state == expected(world, METHODS)
    assert {key for _, key in state.accounts} == {readable}
    assert not await stage.database.fetch("SELECT FROM variance_data.messages WHERE account_id = $1", apart[0])
    assert set((await run(stage, is_dry_run=True)).rows.values()) == {0}


async def test_what_arrives_during_a_rebuild_is_in_its_outcome(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    world = [told("identify", number, userId=f"u{number}", traits={"plan": number}) for number in range(60)]
    await stage.deliver(workspace, [world[:20]], at_once=False)
    await stage.database.execute("UPDATE variance_data.identities SET traits = '{}'")
    arriving = [[message] for message in world[20:]]
    await asyncio.gather(run(stage), stage.deliver(workspace, arriving, at_once=False))
    assert await stage.state(workspace) == expected(world, METHODS)
    assert set((await run(stage)).rows.values()) == {0}


async def test_who_is_forgotten_during_a_rebuild_does_not_come_back(stage: Stage, redis_url: str) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [[told("delete", 90, 9, userId="u1")]], at_once=False)
    visitor = told("identify", 1, 1, anonymousId="a1", traits={"email": "p@acme.example"})
    await stage.deliver(workspace, [[visitor]], at_once=False)
    claiming = told("identify", 2, 2, userId="u1", anonymousId="a1", traits={})

    async def deliver_late() -> None:
        async with open_stage(redis_url, stage.database_url, workers=1) as elsewhere:
            await elsewhere.deliver(workspace, [[claiming]], at_once=False)

    def forget_meanwhile(_done: int, _total: int) -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(asyncio.run, deliver_late()).result()

    await rebuild(stage.database_url, RebuildOptions(), forget_meanwhile)
    assert (await stage.state(workspace)).contacts == {}
    assert set((await run(stage, is_dry_run=True)).rows.values()) == {0}


async def test_whoever_forgets_waits_for_a_rebuild_before_holding_what_it_needs(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [[told("delete", 90, 9, userId="u1")]], at_once=False)
    claiming = told("identify", 2, 2, userId="u1", anonymousId="a1", traits={})

    async def is_waiting() -> bool:
        return bool(await stage.database.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

    async with stage.database.transaction():
        await stage.database.execute("LOCK TABLE variance_data.messages IN SHARE ROW EXCLUSIVE MODE")
        delivering = asyncio.create_task(stage.deliver(workspace, [[claiming]], at_once=False))
        await eventually(is_waiting, "somebody waits for the log")
        await stage.database.execute("LOCK TABLE variance_data.contacts IN EXCLUSIVE MODE NOWAIT")
    await delivering
    assert await stage.database.fetchval("SELECT count(*) FROM variance_data.suppressions") == 1


async def test_other_rules_move_contacts_between_accounts(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [_WORLD], at_once=False)
    rules = {f"{workspace}g": AccountRules("email")}
    dry = await run(stage, rules=rules, is_dry_run=True)
    assert dry.moved_contacts == 1
    assert (dry.examples[0]["account"], dry.examples[0]["new_account"]) == ("g1", "acme.example")
    await run(stage, rules=rules)
    assert await stage.state(workspace) == expected(_WORLD, METHODS | {"g": "email"})


async def test_two_rebuilds_at_once_are_refused(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [_WORLD], at_once=False)
    await stage.database.execute(f"SELECT pg_advisory_lock({REBUILD_LOCK})")
    with pytest.raises(RebuildError):
        await run(stage)
