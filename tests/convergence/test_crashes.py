"""A worker that is killed between any two statements repeats a read, and nothing else."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.convergence.model import expected
from tests.convergence.mortal import FATE, MortalConnection
from tests.convergence.stage import Stage, open_stage
from tests.convergence.worlds import METHODS, Delivery, deliveries, told


@pytest.fixture
async def stage(redis_url: str, database_url: str) -> AsyncIterator[Stage]:
    """Two workers that may be killed."""
    FATE.statements_left = None
    async with open_stage(redis_url, database_url, connection_class=MortalConnection) as opened:
        yield opened
    FATE.statements_left = None


async def counted(stage: Stage) -> tuple[int, int]:
    """Count the messages that the ledger has as applied, and as duplicates."""
    row = await stage.database.fetchrow(
        "SELECT coalesce(sum(applied), 0)::int, coalesce(sum(duplicate), 0)::int FROM variance_data.ledger"
    )
    assert row is not None
    return row[0], row[1]


async def deliver_with_deaths(stage: Stage, delivery: Delivery, deaths: list[tuple[int, bool]]) -> str:
    workspace = await stage.new_workspace()
    applied, duplicate = await counted(stage)
    for batch in delivery.batches:
        if deaths:
            FATE.statements_left, FATE.last_is_done = deaths.pop()
        await stage.deliver(workspace, [batch], at_once=False)
    FATE.statements_left = None
    different = len({(message["connection"], message["messageId"]) for message in delivery.world})
    repeated = len(delivery.world) - different
    assert await counted(stage) == (applied + different, duplicate + repeated), "each message is counted once"
    return workspace


@settings(max_examples=60)
@given(delivery=deliveries(), deaths=st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=4))
async def test_deaths_change_neither_the_state_nor_the_ledger(
    stage: Stage, delivery: Delivery, deaths: list[tuple[int, bool]]
) -> None:
    workspace = await deliver_with_deaths(stage, delivery, list(deaths))
    assert await stage.state(workspace) == expected(delivery.world, METHODS)


@pytest.mark.parametrize("last_is_done", [False, True], ids=["not_sent", "reply_lost"])
async def test_every_single_statement_may_be_the_last(stage: Stage, last_is_done: bool) -> None:
    world = [
        told("identify", 0, 2, userId="u1", anonymousId="a1", traits={"email": "p@acme.example"}),
        told("track", 1, 3, anonymousId="a1", event="Clicked"),
        told("alias", 2, 4, userId="u2", previousId="u1"),
        told("group", 3, 5, userId="u2", groupId="g1", traits={"name": "Initech"}),
    ]
    number = 0
    while True:
        number += 1
        deaths = FATE.deaths
        workspace = await deliver_with_deaths(stage, Delivery([world], at_once=False), [(number, last_is_done)])
        assert await stage.state(workspace) == expected(world, METHODS), f"killed at statement {number}"
        if FATE.deaths == deaths:
            break
    assert number > 15, "the drain has more statements than were tried"
