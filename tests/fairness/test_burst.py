"""A burst in one workspace, over HTTP, through real servers."""

from schemas.partitions import NEVER_CHANGED, find_partitions
from schemas.queue import accepted_key, stream_key
from tests.partitions import partition_of
from tests.system import System
from tests.waiting import eventually
from worker.balance import read_balance
from worker.queue_reading import QueueReading

_BURST = 8_000
_DONE = "SELECT count(*) FROM variance.events WHERE workspace = 'default'"
_OTHERS = "SELECT count(*) FROM variance.events WHERE workspace = 'other'"


def track(message_id: str, sender: str) -> dict[str, str]:
    return {"type": "track", "event": "e", "userId": sender, "messageId": message_id}


async def accepted(system: System, partitions: range) -> int:
    return sum([int(await system.redis.get(accepted_key(number)) or 0) for number in partitions])


async def test_who_shares_a_bursts_partitions_is_applied_long_before_its_end(system: System) -> None:
    connection = await system.connect("main", workspace="other")
    ids = {row["name"]: row["id"] for row in await system.database.fetch("SELECT * FROM variance_data.workspaces")}

    async def is_open() -> bool:
        return (await find_partitions(system.redis)).has_bursts

    await eventually(is_open, "the worker to say that it drains bursts")
    await system.stop_worker()
    system.secrets["nobody"] = "made up"  # has the endpoint look at Redis again
    assert await system.post("/v1/track", {}, "nobody") == 401
    for first in range(0, _BURST, 500):
        burst = [track(f"b{number}", f"busy{number}") for number in range(first, first + 500)]
        assert await system.post("/webhook/defaultmain", burst, "defaultmain") == 200
    assert await accepted(system, range(16)) < _BURST / 4
    # Each of the other's messages lies in a partition of its own, wherever the burst's are.
    others = {partition_of(ids["other"], f"u{number}"): f"u{number}" for number in range(40)}
    assert len(others) == 4
    for number, sender in enumerate(others.values()):
        assert await system.post("/v1/track", track(f"o{number}", sender), connection) == 200
    await system.start_worker(drain_messages=100)

    async def are_others_applied() -> bool:
        return bool(await system.database.fetchval(_OTHERS) == 4)

    await eventually(are_others_applied, "the other workspace's messages to be applied")
    assert await system.database.fetchval(_DONE) < _BURST / 2
    await system.settled()
    assert await system.database.fetchval(_DONE) == _BURST
    assert await accepted(system, NEVER_CHANGED.bursts) > _BURST / 2
    assert not any([await system.redis.xlen(stream_key(number)) for number in range(NEVER_CHANGED.most)])
    balance = await read_balance(system.database, QueueReading(system.redis))
    assert (balance.is_balanced, balance.accepted, balance.applied) == (True, _BURST + 4, _BURST + 4)
