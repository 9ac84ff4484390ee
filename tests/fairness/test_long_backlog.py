"""A workspace whose messages wait in one partition, and others beside it, where a worker drains one at a time."""

from tests.partitions import partition_of
from tests.system import System
from tests.waiting import eventually

_BURST = 10_000
_DONE = "SELECT count(*) FROM variance.events WHERE workspace = 'default'"
_OTHERS = "SELECT EXISTS (SELECT FROM variance.events WHERE workspace = 'other')"


async def test_a_workspaces_burst_does_not_make_others_wait_for_its_end(system: System) -> None:
    """The worker drains one partition at a time, so whoever else is applied was let in between."""
    await system.stop_worker()
    connection = await system.connect("main", workspace="other")
    ids = {row["name"]: row["id"] for row in await system.database.fetch("SELECT * FROM variance_data.workspaces")}
    long = partition_of(ids["default"], "busy")
    sender = next(f"u{number}" for number in range(99) if partition_of(ids["other"], f"u{number}") != long)
    for first in range(0, _BURST, 500):
        burst = [
            {"type": "track", "event": "e", "userId": "busy", "messageId": f"b{number}"}
            for number in range(first, first + 500)
        ]
        await system.post("/webhook/defaultmain", burst, "defaultmain")
    await system.start_worker(drains_at_once=1, drain_messages=20)

    async def is_under_way() -> bool:
        return bool(await system.database.fetchval(_DONE))

    async def is_other_applied() -> bool:
        return bool(await system.database.fetchval(_OTHERS))

    await eventually(is_under_way, "the burst to be begun")
    message = {"type": "track", "event": "e", "userId": sender, "messageId": "other"}
    await system.post(f"/webhook/{connection}", [message], connection)
    await eventually(is_other_applied, "the other workspace's message to be applied")
    assert await system.database.fetchval(_DONE) < _BURST * 3 / 4
    await system.settled()
    assert await system.database.fetchval(_DONE) == _BURST
