"""Deletions among everything else, in any order: what the deleted said is gone, and the state is what the log says."""

from typing import Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.convergence.model import expected, without_deleted
from tests.convergence.saying import sender
from tests.convergence.stage import Stage
from tests.convergence.test_unlink import has_link, set_link
from tests.convergence.worlds import METHODS, Delivery, deliveries, told
from worker.rebuild import RebuildOptions, rebuild

_SHARED = [
    told("page", 1, 1, userId="u1", anonymousId="a1", name="Home"),
    told("page", 2, 2, userId="u2", anonymousId="a1", name="Home"),
]


@st.composite
def deliveries_with_deletions(draw: st.DrawFn) -> Delivery:
    """Draw a delivery among whose batches people are deleted."""
    delivery = draw(deliveries())
    batches = [list(batch) for batch in delivery.batches]
    for number in range(draw(st.integers(1, 2))):
        deletion = told(
            "delete", 90 + number, draw(st.integers(0, 9)), userId=draw(st.sampled_from(["u1", "u2", "x"]))
        )
        batch = draw(st.sampled_from(batches))
        batch.insert(draw(st.integers(0, len(batch))), deletion)
    return Delivery(batches, delivery.at_once)


@settings(max_examples=40)
@given(delivery=deliveries_with_deletions())
async def test_what_a_deleted_person_said_is_gone_for_good(stage: Stage, delivery: Delivery) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    assert not await logged(stage, workspace) & said_before_deletion(delivery.world)
    before = await stage.state(workspace)
    await stage.deliver(workspace, [delivery.world], at_once=True)
    assert await stage.state(workspace) == before
    id_ = await stage.workspace_id(workspace)
    difference = await rebuild(stage.database_url, RebuildOptions(workspace_id=id_), lambda _done, _total: None)
    assert {table for table, rows in difference.rows.items() if rows} <= {"accounts"}, difference


@st.composite
def deliveries_with_one_deletion(draw: st.DrawFn) -> Delivery:
    """Draw a delivery with one deletion, in which every visitor is one user's: `a1` is only seen with `u1`."""
    delivery = draw(deliveries())
    batches = [[_with_visitors_of_their_own(message) for message in batch] for batch in delivery.batches]
    deletion = told("delete", 90, draw(st.integers(0, 9)), userId=draw(st.sampled_from(["u1", "u2"])))
    batch = draw(st.sampled_from(batches))
    batch.insert(draw(st.integers(0, len(batch))), deletion)
    return Delivery(batches, delivery.at_once)


def _with_visitors_of_their_own(message: dict[str, Any]) -> dict[str, Any]:
    user, visitor = message["userId"], message["anonymousId"]
    if user not in (None, "null"):
        user = f"u{ord(user[-1]) % 3}"
        visitor = visitor and f"a{user[-1]}"
    elif visitor not in (None, "null"):
        visitor = f"a{ord(visitor[-1]) % 3}"
    changed = message | {"userId": user, "anonymousId": visitor}
    previous = message.get("previousId")
    if previous not in (None, "null") and user not in (None, "null"):
        changed["previousId"] = f"u{ord(previous[-1]) % 3}" if previous[0] == "u" else f"a{user[-1]}"
    return changed


@settings(max_examples=40)
@given(delivery=deliveries_with_one_deletion())
async def test_a_deletion_leaves_the_same_whenever_it_arrives(stage: Stage, delivery: Delivery) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    (deletion,) = [message for message in delivery.world if message["type"] == "delete"]
    state, model = await stage.state(workspace), expected(without_deleted(delivery.world, deletion), METHODS)
    assert (state.contacts, state.events, state.merges) == (model.contacts, model.events, model.merges)


async def test_an_id_that_only_aliases_name_is_deleted_with_whoever_they_join(stage: Stage) -> None:
    world = [
        told("delete", 90, 0, userId="u1"),
        told("alias", 3, 0, userId="u0", anonymousId="a0", previousId="u2"),
        told("alias", 4, 0, userId="u1", anonymousId="a1", previousId="u2"),
    ]
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [world], at_once=False)
    state = await stage.state(workspace)
    assert (state.contacts, state.merges) == ({}, {})


async def test_an_alias_of_the_deleted_tells_nothing_new_when_it_comes_again(stage: Stage) -> None:
    world = [
        told("identify", 1, 0, userId="u1", anonymousId="u3"),
        told("alias", 2, 0, userId="u2", anonymousId="u1", previousId="u3"),
        told("delete", 90, 0, userId="u2"),
        told("identify", 3, 0, userId="u1", anonymousId="u1"),
        told("track", 4, 0, userId="u3", anonymousId="u1", event="Clicked"),
    ]
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [world[:2], world[2:]], at_once=False)
    before = await stage.state(workspace)
    await stage.deliver(workspace, [world], at_once=False)
    assert await stage.state(workspace) == before


async def test_a_clock_that_runs_years_ahead_saves_nothing_from_a_deletion(stage: Stage) -> None:
    ahead = {"timestamp": "2030-01-01T00:00:00.000Z", "receivedAt": "2026-02-01T00:00:00.000Z"}
    stored = told("identify", 1, userId="u1", traits={"email": "p@acme.example"}) | ahead
    late = told("track", 2, userId="u1", event="Clicked") | ahead
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [[stored], [told("delete", 90, 1, userId="u1")], [late]], at_once=False)
    assert await logged(stage, workspace) == {"m90"}
    assert (await stage.state(workspace)).contacts == {}


async def test_who_was_seen_first_by_a_clock_that_runs_years_ahead_is_still_after_a_deletion(stage: Stage) -> None:
    ahead = {"timestamp": "2030-01-01T00:00:00.000Z", "receivedAt": "2026-02-01T00:00:00.000Z"}
    world = [
        told("page", 1, anonymousId="a1", name="Home") | ahead,
        told("page", 2, 2, anonymousId="a1", name="Home"),
        told("page", 3, 3, userId="u1", anonymousId="a1", name="Home"),
        told("page", 4, 4, userId="u2", anonymousId="a1", name="Home"),
    ]
    deletion = told("delete", 90, 5, userId="u2")
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [world, [deletion]], at_once=False)
    (contact,) = (await stage.state(workspace)).contacts.values()
    assert contact[-2] == "2026-02-02T00:00:00.000Z"


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(delivery=deliveries(), choice=st.integers(0, 99), minute=st.integers(0, 9), user=st.sampled_from(["u1", "u2"]))
@example(Delivery([[_SHARED[0]]], at_once=False), 0, 5, "u1")
@example(Delivery([_SHARED], at_once=False), 0, 5, "u2")
@example(Delivery([[told("alias", 1, 1, userId="u1", previousId="u2")]], at_once=False), 0, 5, "u1")
@example(Delivery([[*_SHARED, _SHARED[0] | {"messageId": "m03"}]], at_once=False), 0, 5, "u2")
async def test_a_deletion_leaves_what_the_log_says_where_a_link_was_withdrawn(
    stage: Stage, delivery: Delivery, choice: int, minute: int, user: str
) -> None:
    linking = [message for message in delivery.world if has_link(message)]
    assume(linking)
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    await set_link(stage, workspace, linking[choice % len(linking)], undo=False)
    await stage.deliver(workspace, [[told("delete", 90, minute, userId=user)]], at_once=False)
    id_ = await stage.workspace_id(workspace)
    options = RebuildOptions(workspace_id=id_, is_dry_run=True)
    difference = await rebuild(stage.database_url, options, lambda _done, _total: None)
    assert {table for table, rows in difference.rows.items() if rows} <= {"accounts"}, difference
    before = await stage.state(workspace)
    await stage.deliver(workspace, [delivery.world], at_once=True)
    assert await stage.state(workspace) == before


def said_before_deletion(world: list[dict[str, Any]]) -> set[str]:
    """Give the messages whose senders were deleted after sending them."""
    deletions = [message for message in world if message["type"] == "delete"]
    return {
        message["messageId"]
        for message in world
        for deletion in deletions
        if message["type"] != "delete"
        and sender(message) == deletion["userId"]
        and message["timestamp"] <= deletion["timestamp"]
    }


async def logged(stage: Stage, workspace: str) -> set[str]:
    """Give the messages in a workspace's log."""
    rows = await stage.database.fetch(
        """SELECT m.message_id FROM variance_data.messages m
        JOIN variance_data.workspaces w ON w.id = m.workspace_id WHERE w.name = $1""",
        workspace,
    )
    return {row["message_id"] for row in rows}
