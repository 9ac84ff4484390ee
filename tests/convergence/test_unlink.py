"""Withdrawing a link gives the state as if that message's link had never been; giving it back restores it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.convergence.model import expected
from tests.convergence.stage import Stage
from tests.convergence.worlds import METHODS, Delivery, deliveries, told
from worker.rebuild import RebuildOptions, rebuild
from worker.store.ledger import read_all_rules
from worker.unlink import NoLinkError, unlink


async def set_link(stage: Stage, workspace: str, message: dict[str, Any], *, undo: bool) -> None:
    id_ = await stage.workspace_id(workspace)
    key = (f"{workspace}{message['connection']}", message["messageId"])
    async with stage.database.transaction():
        await unlink(stage.database, id_, key, await read_all_rules(stage.database), undo=undo)


def has_link(message: dict[str, Any]) -> bool:
    ids = {message["userId"], message["anonymousId"]}
    return message["type"] == "alias" or (len(ids) == 2 and not ids & {None, "null"})


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(delivery=deliveries(), choice=st.integers(0, 99), most_links=st.sampled_from([500, 2, 1]))
async def test_a_withdrawn_link_has_never_been_until_it_is_given_back(
    stage: Stage, delivery: Delivery, choice: int, most_links: int
) -> None:
    linking = [message for message in delivery.world if has_link(message)]
    assume(linking)
    chosen = linking[choice % len(linking)]
    workspace = await stage.new_workspace(most_links)
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    await set_link(stage, workspace, chosen, undo=False)
    without = [message | {"is_withdrawn": message["messageId"] == chosen["messageId"]} for message in delivery.world]
    assert await stage.state(workspace) == expected(without, METHODS, most_links)
    id_ = await stage.workspace_id(workspace)
    difference = await rebuild(stage.database_url, RebuildOptions(workspace_id=id_), lambda _done, _total: None)
    assert set(difference.rows.values()) == {0}, "a rebuild keeps the link withdrawn"
    await set_link(stage, workspace, chosen, undo=True)
    assert await stage.state(workspace) == expected(delivery.world, METHODS, most_links)


async def test_who_only_a_withdrawn_alias_names_is_still_called_so(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    message = told("alias", 0, userId="u2", previousId="u1")
    await stage.deliver(workspace, [[message]], at_once=False)
    await set_link(stage, workspace, message, undo=False)
    names = {members: values[0] for members, values in (await stage.state(workspace)).contacts.items()}
    assert names == {frozenset({"u1"}): "u1", frozenset({"u2"}): "u2"}


async def test_a_message_without_a_link_has_none_to_withdraw(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    message = told("track", 0, userId="u1", event="Clicked")
    await stage.deliver(workspace, [[message]], at_once=False)
    with pytest.raises(NoLinkError):
        await set_link(stage, workspace, message, undo=False)
