"""A trim takes events away and nothing else: contacts stay, a rebuild finds nothing, and no repeat counts again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.convergence.model import EVENTS, State, expected
from tests.convergence.stage import Stage
from tests.convergence.test_deletion import deliveries_with_deletions
from tests.convergence.test_export import carried_over
from tests.convergence.worlds import METHODS, Delivery, deliveries, told
from worker.rebuild import RebuildOptions, rebuild
from worker.retention.trim import Steps, trim
from worker.store.ledger import read_all_rules
from worker.store.retention import set_retention
from worker.unlink import unlink

SHARED = [
    told("page", 0, 1, userId="u1", anonymousId="a1", name="Home"),
    told("page", 1, 2, userId="u2", anonymousId="a1", name="Home"),
    told("page", 2, 3, userId="u1", anonymousId="a1", name="Home"),
    told("page", 3, 9, anonymousId="a1", name="Home"),
]
_FIRST_SEEN_BEFORE_ALL_ELSE = [
    told("page", 0, 1, userId="u1", name="Home"),
    told("page", 1, 1, anonymousId="a1", name="Home"),
    told("page", 2, 2, userId="u1", anonymousId="a1", name="Home"),
    *(told("track", n, n, userId="u1", event="Clicked", context={"groupId": "g1"}) for n in (3, 4, 5, 6)),
    told("page", 7, 9, userId="u1", name="Home"),
    told("page", 8, 9, anonymousId="a1", name="Home"),
]
_IN_BOTH_ROLES = [
    told("page", 0, 1, userId="u1", name="Home"),
    told("page", 1, 1, anonymousId="a1", name="Home"),
    *(told("page", 2 + n, 2 + n, userId="a1", name="Home") for n in range(2)),
    *(told("page", 4 + n, 2 + n, anonymousId="u1", name="Home") for n in range(2)),
    told("page", 6, 9, userId="u1", name="Home"),
    told("page", 7, 9, anonymousId="a1", name="Home"),
]
_AWAY = {"active": False}
_WITHOUT_LAST_SEEN = [
    told("track", 0, 1, userId="u1", event="Clicked", context={"groupId": "g1"} | _AWAY),
    told("track", 1, 1, userId="u1", event="Clicked", context={"groupId": "g1"}),
    told("track", 2, 2, userId="u2", event="Clicked", context=_AWAY),
    told("track", 3, 3, userId="u2", event="Clicked", context={"groupId": "g2"} | _AWAY),
    told("track", 4, 4, userId="u2", anonymousId="a1", event="Clicked", context={"groupId": "g2"} | _AWAY),
]


def minute(number: int) -> datetime:
    return datetime(2026, 3, 1, 0, number, tzinfo=UTC)


async def trim_until(
    stage: Stage,
    workspace: str,
    until: datetime,
    steps: Steps | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Trim what is older than this."""
    id_, kept = await stage.workspace_id(workspace), timedelta(days=1)
    await set_retention(stage.database, id_, kept)
    return await trim(stage.database, id_, until + kept, is_stopping, steps or Steps())


def without_events(state: State, world: list[dict[str, Any]], until: datetime) -> State:
    """Leave out the events from before a moment."""
    at = until.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    old = [message for message in world if message["timestamp"] < at and not message.get("is_ahead")]
    gone = {message["messageId"] for message in old if message["type"] in EVENTS}
    state.events = {id_: event for id_, event in state.events.items() if id_ not in gone}
    return state


async def differences(stage: Stage, workspace: str) -> set[int]:
    """Give what a rebuild would change."""
    options = RebuildOptions(workspace_id=await stage.workspace_id(workspace), is_dry_run=True)
    return set((await rebuild(stage.database_url, options, lambda _done, _total: None)).rows.values())


async def counts(stage: Stage) -> tuple[int, int]:
    """Give how many messages were applied and suppressed so far."""
    row = await stage.database.fetchrow("SELECT sum(applied), sum(suppressed) FROM variance_data.ledger")
    assert row is not None
    return int(row[0] or 0), int(row[1] or 0)


@settings(max_examples=25)
@given(delivery=deliveries(), number=st.integers(1, 10), most_links=st.sampled_from([500, 2]))
@example(Delivery([SHARED], at_once=False), 5, 500)
@example(Delivery([_FIRST_SEEN_BEFORE_ALL_ELSE], at_once=False), 8, 500)
@example(Delivery([_IN_BOTH_ROLES], at_once=False), 8, 500)
@example(Delivery([_WITHOUT_LAST_SEEN], at_once=False), 8, 500)
async def test_a_trim_takes_old_events_and_nothing_else(
    stage: Stage, delivery: Delivery, number: int, most_links: int
) -> None:
    workspace = await stage.new_workspace(most_links)
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    until = minute(number)
    assert await trim_until(stage, workspace, until)
    trimmed = without_events(expected(delivery.world, METHODS, most_links), delivery.world, until)
    assert await stage.state(workspace) == trimmed
    applied, _ = await counts(stage)
    await stage.deliver(workspace, [delivery.world], at_once=True)
    assert await stage.state(workspace) == trimmed, "a repeat counts again"
    assert (await counts(stage))[0] == applied
    assert await differences(stage, workspace) == {0}


@settings(max_examples=10)
@given(delivery=deliveries_with_deletions(), number=st.integers(1, 10), cut=st.integers(0, 5))
async def test_a_trim_before_and_after_deletions_leaves_what_a_rebuild_gives(
    stage: Stage, delivery: Delivery, number: int, cut: int
) -> None:
    workspace = await stage.new_workspace()
    for batches in (delivery.batches[:cut], delivery.batches[cut:]):
        await stage.deliver(workspace, batches, at_once=False)
        await trim_until(stage, workspace, minute(number))
    options = RebuildOptions(workspace_id=await stage.workspace_id(workspace), is_dry_run=True)
    difference = await rebuild(stage.database_url, options, lambda _done, _total: None)
    # What a deleted person said of a company stays with it until a rebuild.
    assert {table for table, rows in difference.rows.items() if rows} <= {"accounts"}, difference


async def test_of_many_events_only_those_stay_that_say_something(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    world = [told("track", n, n % 9, userId="u1", anonymousId="a1", event="Clicked", context={"groupId": "g1"})
             for n in range(90)]  # fmt: skip
    world += [told("page", 90, 1, userId="null", name="Home"), told("identify", 91, 1, userId="u1", traits={"plan": 1})]
    await stage.deliver(workspace, [world], at_once=False)
    before = await stage.state(workspace)
    await trim_until(stage, workspace, minute(30))
    rows = await stage.database.fetch("SELECT message_id, type, body::text FROM variance_data.messages ORDER BY 1")
    assert [(row["message_id"], row["type"]) for row in rows] == [
        ("m00", "trimmed"), ("m08", "trimmed"), ("m91", "identify")
    ]  # fmt: skip
    assert "Clicked" not in "".join(row["body"] for row in rows)
    before.events = {}
    assert await stage.state(workspace) == before
    other = await carried_over(stage, workspace)
    carried = await stage.state(other)
    assert (carried.contacts, carried.events) == (before.contacts, {})


async def test_what_is_left_of_an_event_says_that_its_sender_was_not_active_also_elsewhere(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [_WITHOUT_LAST_SEEN], at_once=False)
    before = await stage.state(workspace)
    await trim_until(stage, workspace, minute(30))
    carried = await stage.state(await carried_over(stage, workspace))
    assert (carried.contacts, carried.events) == (before.contacts, {})


async def test_an_event_whose_time_is_that_of_its_arrival_stays(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    timeless = told("track", 0, userId="u1", event="Clicked") | {"timestamp": None}
    world = [timeless | {"messageId": f"m{n}", "timestamp": "31/31/31" if n % 2 else None} for n in range(6)]
    await stage.deliver(workspace, [world], at_once=False)
    before = await stage.state(workspace)
    assert await trim_until(stage, workspace, datetime(2100, 1, 1, tzinfo=UTC))
    await stage.deliver(workspace, [world], at_once=False)
    assert await stage.state(workspace) == before
    assert len(before.events) == 6


async def test_more_events_of_one_sender_than_a_step_takes_are_all_trimmed(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    world = [told("page", n, n % 7, userId=f"u{n % 3}", name="Home") for n in range(60)]
    world += [told("page", 60 + n, 1, userId="u1", name="Home") | {"timestamp": "31/31/31"} for n in range(8)]
    world += [told("page", 70 + n, 2, userId="null", name="Home") for n in range(7)]
    for message in world[60:68]:
        message["originalTimestamp"] = "2026-03-01T00:01:00.000Z"
    await stage.deliver(workspace, [world], at_once=False)
    await trim_until(stage, workspace, minute(30), Steps(identities=2, events_each=3))
    assert set((await stage.state(workspace)).events) == {message["messageId"] for message in world[60:68]}


async def test_an_old_event_is_suppressed_and_an_old_identify_is_not(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await trim_until(stage, workspace, minute(5))
    before = await counts(stage)
    world = [
        told("track", 0, 4, userId="u1", event="Clicked"),
        told("track", 0, 4, userId="u1", event="Clicked"),
        told("track", 1, 5, userId="u1", event="Clicked"),
        told("identify", 2, 4, userId="u1", traits={"plan": 1}),
    ]
    await stage.deliver(workspace, [world], at_once=False)
    assert await counts(stage) == (before[0] + 2, before[1] + 1)
    assert await stage.state(workspace) == expected(world[2:], METHODS)
    assert await stage.database.fetchval("SELECT reason FROM variance_data.suppressions") == "expired"


async def test_a_withdrawn_link_of_a_trimmed_event_can_be_given_back(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    world = [told("page", 0, 3, userId="u1", anonymousId="a1", name="Home"),
             *(told("page", n, m, **{kind: id_}, name="Home") for n, m, kind, id_ in (
                 (1, 1, "userId", "u1"), (2, 9, "userId", "u1"), (3, 1, "anonymousId", "a1")))]  # fmt: skip
    await stage.deliver(workspace, [world], at_once=False)
    before = without_events(await stage.state(workspace), world, minute(5))
    id_, rules = await stage.workspace_id(workspace), await read_all_rules(stage.database)
    for undo in (False, True):
        async with stage.database.transaction():
            await unlink(stage.database, id_, (f"{workspace}g", "m00"), rules, undo=undo)
        await trim_until(stage, workspace, minute(5))
    assert await stage.state(workspace) == before
