"""On a cluster as on one Redis: the views show what the model says."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings

from tests.cluster.servers import Cluster
from tests.convergence.model import expected
from tests.convergence.stage import Stage, open_stage
from tests.convergence.worlds import METHODS, Delivery, deliveries


@pytest.fixture
async def stage(cluster: Cluster, database_url: str) -> AsyncIterator[Stage]:
    async with open_stage(cluster.url, database_url) as opened:
        yield opened


@settings(max_examples=15)
@given(delivery=deliveries())
async def test_the_state_is_a_function_of_the_set_of_messages_on_a_cluster(stage: Stage, delivery: Delivery) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    assert await stage.state(workspace) == expected(delivery.world, METHODS)
