"""Whatever the order, the repetitions, the batches and the workers, the views show what the model says."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, example, given, settings

from tests.convergence.model import expected
from tests.convergence.stage import Stage, open_stage
from tests.convergence.worlds import METHODS, Delivery, deliveries, told

_CHAIN = [told("alias", n, n // 2, userId=f"u{n + 1}", previousId=f"u{n}") for n in range(100)]

many_worlds = settings(
    max_examples=120,
    deadline=None,
    # Each world has a workspace of its own, so that a stage serves them all.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
async def stage(redis_url: str, database_url: str) -> AsyncIterator[Stage]:
    """Two workers on empty servers."""
    async with open_stage(redis_url, database_url) as opened:
        yield opened


@many_worlds
@given(delivery=deliveries())
@example(Delivery([[told("alias", 0, userId="null", previousId="u1")]], at_once=False))
@example(
    Delivery([[told("group", n, n, userId="u1", groupId=f"g{n % 2}", traits={})] for n in range(3)], at_once=False)
)
@example(Delivery([[link] for link in _CHAIN], at_once=False))
@example(Delivery([_CHAIN], at_once=True))
async def test_the_state_is_a_function_of_the_set_of_messages(stage: Stage, delivery: Delivery) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    assert await stage.state(workspace) == expected(delivery.world, METHODS)


@many_worlds
@given(delivery=deliveries())
async def test_a_second_delivery_of_everything_changes_nothing(stage: Stage, delivery: Delivery) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    before = await stage.state(workspace)
    await stage.deliver(workspace, [delivery.world], at_once=True)
    assert await stage.state(workspace) == before
