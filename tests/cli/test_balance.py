import asyncio

from redis.asyncio import Redis

from schemas.queue import stream_key
from tests.cli.command import Variance
from tests.system import System
from worker.balance import read_balance
from worker.queue_reading import QueueReading
from worker.store.database import connect


async def test_the_ledger_balances_at_any_moment_while_messages_come_and_go(system: System) -> None:
    async def post(sender: int) -> None:
        for number in range(40):
            batch = [
                {"type": "track", "userId": f"u{sender}-{n}", "event": "E", "messageId": f"{sender}-{number}-{n}"}
                for n in range(25)
            ]
            assert await system.post("/webhook/defaultmain", batch, "defaultmain") == 200

    posting = asyncio.gather(*(post(sender) for sender in range(4)))
    readings = 0
    async with connect(system.database_url) as database, Redis.from_url(system.redis_url) as redis:
        queue = QueueReading(redis)
        while not posting.done() or readings < 10:
            balance = await read_balance(database, queue)
            counts = balance.counts()
            assert counts.pop("accepted") == sum(counts.values())
            assert min(counts.values()) >= 0
            assert balance.is_balanced
            readings += 1
        await posting
        await system.settled()
        final = await read_balance(database, queue)
    assert (final.accepted, final.applied, final.pending) == (4000, 4000, 0)


async def test_entries_that_were_settled_and_not_removed_are_not_pending(system: System, variance: Variance) -> None:
    await system.stop_worker()
    await system.post("/webhook/defaultmain", [{"type": "identify", "userId": "u", "messageId": "m"}], "defaultmain")
    streams = [key async for key in system.redis.scan_iter("variance:{p*}", _type="stream")]
    ((_, entry),) = [(key, await system.redis.xrange(key)) for key in streams]
    await system.start_worker()
    await system.settled()
    await system.stop_worker()
    # As after a crash between the commit and the removal.
    ((entry_id, pairs),) = entry
    await system.redis.delete(streams[0])
    await system.redis.xadd(streams[0], pairs, id=entry_id)
    report = (await variance("status", "--json")).json
    assert (report["queue"]["entries"], report["pending"], report["balanced"]) == (1, 0, True)


async def test_an_entry_that_is_not_ours_is_one_of_those_that_wait(system: System, variance: Variance) -> None:
    await system.stop_worker()
    entry_id = (await system.redis.xadd(stream_key(3), {"foo": "bar"})).decode()
    await system.post("/webhook/defaultmain", [{"type": "identify", "userId": "u", "messageId": "m"}], "defaultmain")
    status = (await variance("status", "--json")).document
    assert (status["queue"]["entries"], status["pending"], status["balanced"]) == (2, 2, False)
    for message_id in ("m", f"{entry_id}-0"):
        (found,) = (await variance("receipt", message_id, "--json")).json
        assert found["outcome"] == "pending"
    assert (await variance("recount", "--json")).json["corrections"] == {stream_key(3): 1}
    await system.start_worker()
    await system.settled()
    status = (await variance("status", "--json")).json
    assert (status["applied"], status["dead"], status["pending"], status["balanced"]) == (1, 1, 0, True)
