"""Whatever the order, the repetitions, the batches and the workers, the views show what the model says."""

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.convergence.model import expected
from tests.convergence.stage import Stage
from tests.convergence.worlds import METHODS, Delivery, deliveries, told, worlds

_CHAIN = [told("alias", n, n // 2, userId=f"u{n + 1}", previousId=f"u{n}") for n in range(100)]
_RENAMED_BACK = [told("alias", n, n, userId=user, previousId="u0") for n, user in enumerate(["u1", "u2", "u1", "u1"])]
_CIRCLE = [told("alias", n, n, userId=f"u{1 - n % 2}", previousId=f"u{n % 2}") for n in range(3)]
_ENGAGE = {"personas": {"computation_class": "audience", "computation_key": "big"}}
_NOBODYS = [told("group", n, n, groupId="g1", traits={"big": n % 2 == 0}, context=_ENGAGE) for n in range(3)]
_SAME: list[tuple[int, int, dict[str, Any]]] = [(0, 1, {"plan": True}), (1, 9, {}), (2, 5, {"plan": 1})]
"""To Python the second value is the first one, and nothing else about the contact changes with it."""

many_worlds = settings(max_examples=120)


@many_worlds
@given(delivery=deliveries())
@example(Delivery([[told("alias", 0, userId="null", previousId="u1")]], at_once=False))
@example(
    Delivery([[told("group", n, n, userId="u1", groupId=f"g{n % 2}", traits={})] for n in range(3)], at_once=False)
)
@example(Delivery([[told("identify", n, at, userId="u1", traits=traits)] for n, at, traits in _SAME], at_once=False))
@example(Delivery([[link] for link in _CHAIN], at_once=False))
@example(Delivery([_CHAIN], at_once=True))
@example(Delivery([_RENAMED_BACK], at_once=True))
@example(Delivery([_CIRCLE], at_once=True))
@example(Delivery([_NOBODYS[1:], _NOBODYS[:2]], at_once=False))
async def test_the_state_is_a_function_of_the_set_of_messages_and_the_same_once_all_come_again(
    stage: Stage, delivery: Delivery
) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    assert await stage.state(workspace) == expected(delivery.world, METHODS)
    await stage.deliver(workspace, [delivery.world], at_once=True)
    assert await stage.state(workspace) == expected(delivery.world, METHODS), "a second delivery changes nothing"


@many_worlds
@given(world=worlds(), is_late=st.lists(st.booleans(), min_size=12, max_size=12))
async def test_what_arrives_a_month_late_counts_at_its_own_time(
    stage: Stage, world: list[dict[str, Any]], is_late: list[bool]
) -> None:
    late = [
        message | {"timestamp": message["timestamp"].replace("2026-03-01", "2026-01-29")}
        for message, is_it in zip(world, is_late, strict=False)
        if is_it
    ]
    keys = {message["messageId"] for message in late}
    in_time = [message for message in world if message["messageId"] not in keys]
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [batch for batch in (in_time, late) if batch], at_once=False)
    assert await stage.state(workspace) == expected([*in_time, *late], METHODS)
