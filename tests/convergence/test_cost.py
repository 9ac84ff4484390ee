"""A merge, a rename and a relink cost the same, however many events the contact has."""

import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.convergence.mortal import FATE, MortalConnection
from tests.convergence.stage import Stage, open_stage
from tests.convergence.worlds import told

_EVENTS = """
INSERT INTO variance_data.messages
    (workspace_id, connection_id, message_id, type, occurred_at, received_at, sender_id, body)
SELECT w.id, w.name || 'g', 'e' || i.value || n, 'track', now(), now(), i.id, '{"type": "track", "event": "Clicked"}'
FROM variance_data.workspaces w
JOIN variance_data.identities i ON i.workspace_id = w.id
CROSS JOIN generate_series(1, $2) n
WHERE w.name = $1
"""
_ALL = 1_000_000


@pytest.fixture
async def stage(redis_url: str, database_url: str) -> AsyncIterator[Stage]:
    """One worker, whose statements are counted."""
    async with open_stage(redis_url, database_url, workers=1, connection_class=MortalConnection) as opened:
        yield opened
    FATE.statements_left = None


def merge() -> dict[str, Any]:
    return told("alias", 90, 9, userId="u2", previousId="u1")


def rename() -> dict[str, Any]:
    return told("alias", 91, 9, userId="new", previousId="u1")


def relink() -> dict[str, Any]:
    return told("identify", 92, 0, userId="u2", anonymousId="a1", traits={})


async def cost(stage: Stage, events: int, operation: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    """Give the statements, and the rows of the tables that were written, of one operation on grown contacts."""
    workspace = await stage.new_workspace()
    world = [
        told("identify", 0, 1, userId="u1", anonymousId="a1", traits={"plan": 1}),
        told("identify", 1, 2, userId="u2", traits={"plan": 2}),
    ]
    await stage.deliver(workspace, [world], at_once=False)
    await stage.database.execute(_EVENTS, workspace, events)
    return await counted(stage, workspace, operation())


async def counted(stage: Stage, workspace: str, *messages: dict[str, Any]) -> tuple[int, int]:
    """Give the statements, and the rows of the tables that were written, of a batch."""
    written = await _written(stage)
    FATE.statements_left = _ALL
    await stage.deliver(workspace, [list(messages)], at_once=False)
    statements = _ALL - FATE.statements_left
    FATE.statements_left = None
    return statements, await _written(stage) - written


async def _written(stage: Stage) -> int:
    for pool in {drain.pool for drain in stage.drains}:
        async with pool.acquire() as connection:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            await connection.execute("SELECT 1")
    await stage.database.execute("SELECT pg_stat_force_next_flush()")
    await stage.database.execute("SELECT pg_stat_clear_snapshot()")
    rows: int = await stage.database.fetchval(
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables WHERE relname <> 'ledger'"
    )
    return rows


@pytest.mark.parametrize("operation", [merge, rename, relink])
async def test_the_cost_of_a_link_does_not_grow_with_the_events(
    stage: Stage, operation: Callable[[], dict[str, Any]]
) -> None:
    statements, rows = await cost(stage, 10, operation)
    assert statements > 0
    assert rows > 0
    assert await cost(stage, 20_000, operation) == (statements, rows)


async def test_an_id_in_quarantine_costs_the_same_however_many_it_is_linked_with(stage: Stage) -> None:
    costs = []
    for visitors in (10, 2000):
        workspace = await stage.new_workspace(most_links=5)
        world = [
            told("identify", n, userId="kiosk", anonymousId=f"v{n}", traits={}) | {"messageId": f"m{n}"}
            for n in range(visitors)
        ]
        await stage.deliver(workspace, [world], at_once=False)
        await stage.deliver(workspace, [[told("track", 0, anonymousId="new", event="Clicked")]], at_once=False)
        costs.append(await counted(stage, workspace, told("identify", 1, userId="kiosk", anonymousId="new", traits={})))
    assert costs[0] == costs[1]


_LETTERS = """
INSERT INTO variance_data.dead_letters
    (workspace_id, connection_id, message_id, reason, detail, body, received_at, died_at)
SELECT w.id, w.name || 'g', 'l' || n, 'missing_field', '', '{"userId": "somebody else"}', now(), now()
FROM variance_data.workspaces w
CROSS JOIN generate_series(1, $2) n
WHERE w.name = $1
"""


async def test_the_dead_letters_are_read_once_for_all_who_are_deleted_together(stage: Stage) -> None:
    costs: dict[tuple[int, int], int] = {}
    for people, letters in itertools.product((1, 10), (0, 900)):
        workspace = await stage.new_workspace()
        users = [f"u{number}" for number in range(people)]
        known = [told("identify", number, 1, userId=user, traits={}) for number, user in enumerate(users)]
        await stage.deliver(workspace, [known], at_once=False)
        await stage.database.execute(_LETTERS, workspace, letters)
        deletions = [told("delete", 90 + number, 9, userId=user) for number, user in enumerate(users)]
        costs[people, letters], _ = await counted(stage, workspace, *deletions)
    assert costs[10, 900] - costs[10, 0] == costs[1, 900] - costs[1, 0] > 0
