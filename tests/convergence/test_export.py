"""What is exported and imported into an empty workspace gives the same log, and so the same state."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from hypothesis import given, settings

from tests.convergence.stage import Stage
from tests.convergence.worlds import METHODS, Delivery, deliveries, told
from worker.exporting.export import export_messages
from worker.importing.apply import apply_import
from worker.importing.judged_lines import judge_line
from worker.importing.lines import read_lines

_ODD = [
    told("track", 0, 1, userId="u1", event="Clicked") | {"messageId": "long " * 100, "_connection": "posted"},
    told("track", 1, 2, userId="u1", event="Clicked", properties={"n": 1e30, "f": 1.0, "s": "\u2028\x7f\u00e9"}),
    told("identify", 2, 3, userId="u1", traits={"a": None, "b": {"c": [None, 1e300]}}) | {"timestamp": None},
    told("page", 3, 4, anonymousId="a1") | {"timestamp": None, "receivedAt": "2024-05-06T07:08:09.123456+02:00"},
    told("track", 4, 5, userId="u2", event="E", sentAt="2026-03-01T00:00:09Z", originalTimestamp="2026-03-01T00:00:01Z")
    | {"timestamp": "31/31/31", "receivedAt": "2026-03-01T01:00:00Z"},
]


async def carried_over(stage: Stage, workspace: str) -> str:
    """Export a workspace and import it into another, whose name is given."""
    file = BytesIO()
    async with stage.database.transaction():
        await export_messages(stage.database, await stage.workspace_id(workspace), None, file, lambda _lines: None)
    file.seek(0)
    other = await stage.new_workspace()
    named = {name: f"{other}{name}" for name in METHODS}
    messages = [judge_line(line, None, datetime.now(UTC), named).message for line in read_lines(file)]
    async with stage.database.transaction():
        tally = await apply_import(stage.database, messages)
    assert tally.applied == tally.total
    return other


async def log(stage: Stage, workspace: str) -> list[tuple[Any, ...]]:
    """Read a workspace's log, but for the ids that differ from workspace to workspace."""
    rows = await stage.database.fetch(
        """SELECT n.name, m.message_id, m.type, m.occurred_at, m.received_at, m.body - '_connection'
        FROM variance_data.messages m JOIN variance_data.connections n ON n.id = m.connection_id
        WHERE m.workspace_id = $1 ORDER BY 1, 2""",
        await stage.workspace_id(workspace),
    )
    return [tuple(row) for row in rows]


@settings(max_examples=25)
@given(delivery=deliveries())
async def test_a_workspace_is_the_same_after_an_export_and_an_import(stage: Stage, delivery: Delivery) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    other = await carried_over(stage, workspace)
    assert await log(stage, other) == await log(stage, workspace)
    assert await stage.state(other) == await stage.state(workspace)


async def test_times_numbers_and_ids_survive_the_round_trip(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    await stage.deliver(workspace, [_ODD], at_once=False)
    before = await log(stage, workspace)
    assert len(before) == len(_ODD)
    assert await log(stage, await carried_over(stage, workspace)) == before
