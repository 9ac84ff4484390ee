"""Dead letters of a deleted person: they go whether they died before the deletion or come afterwards."""

import asyncio
import json
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from schemas.queue import QueuedMessage, QueuedRefusal
from tests.journeys.messages import at, delete, identify, track
from tests.system import System
from tests.waiting import eventually
from worker.batch import bury_deadly, settle_messages
from worker.fold.facts import Named
from worker.fold.ids import identity_id
from worker.forget import forget_person
from worker.forget_letters import Burials, forget_letters


def _refused(user_id: str) -> QueuedMessage:
    refusal = QueuedRefusal("missing_field", "no event", json.dumps({"type": "track", "userId": user_id}), at(5))
    return QueuedMessage("defaultmain", f"of-{user_id}", is_accepted=False, value=msgspec.json.encode(refusal))


def _accepted(said: dict[str, Any]) -> QueuedMessage:
    return QueuedMessage("defaultmain", said["messageId"], is_accepted=True, value=json.dumps(said).encode())


async def test_dead_letters_of_the_person_go_and_those_that_only_look_like_it_stay(system: System) -> None:
    bad = {"type": "track"}
    batch = [
        bad | {"userId": "7", "messageId": "hers"},
        bad | {"userId": 7, "messageId": "hers-as-a-number"},
        bad | {"User_Id": "7", "messageId": "hers-oddly-cased"},
        bad | {"userId": "77", "messageId": "another"},
        bad | {"userId": "u2", "properties": {"quantity": "7"}, "messageId": "of-another"},
    ]
    assert await system.post("/v1/batch", {"batch": batch}, "defaultmain") == 200
    await system.settled()
    await system.send({"type": "delete", "userId": "7", "messageId": "d"})
    assert [row[0] for row in await system.rows("dead_letters", "message_id")] == ["another", "of-another"]


_REFUSED: dict[str, Any] = {"type": "track", "timestamp": at(5)}


@pytest.mark.parametrize("ids", [{"userId": "u1"}, {"anonymousId": "a1"}, {"userId": "u2", "previousId": "u1"}])
async def test_a_refused_message_of_the_person_goes_whether_it_comes_before_or_after(
    system: System, ids: dict[str, str]
) -> None:
    letters = {"batch": [_REFUSED | ids | {"messageId": "hers"}, _REFUSED | {"userId": "u3", "messageId": "another"}]}
    await system.send(identify(1, userId="u1", anonymousId="a1"), track("keep", 2, userId="u3"))
    await system.post("/v1/batch", letters, "defaultmain")
    await system.settled()
    await system.send(delete("u1", 10))
    for _ in range(2):
        await system.post("/v1/batch", letters, "defaultmain")
        await system.settled()
        assert await system.rows("dead_letters", "message_id") == [("another",)]
    late = letters["batch"][0] | {"messageId": "late"}
    await system.post("/v1/batch", {"batch": [late, late]}, "defaultmain")
    await system.settled()
    assert await system.rows("dead_letters", "message_id") == [("another",)]
    assert await system.ledger() == {"applied": 3, "duplicate": 5, "suppressed": 1, "dead": 2}


@pytest.mark.parametrize(
    "times",
    [
        {"receivedAt": at(5)},
        {"receivedAt": at(5), "timestamp": "10:00"},
        {"receivedAt": at(5), "timestamp": "2026-03-02T00:00:00.000Z"},
        {"receivedAt": at(5), "originalTimestamp": at(5), "sentAt": at(5)},
    ],
)
async def test_a_refused_message_counts_as_received_when_segment_received_it(
    system: System, times: dict[str, str]
) -> None:
    letter = {"type": "track", "userId": "u1", **times}
    await system.send(identify(1, userId="u1"), letter | {"messageId": "before"})
    assert len(await system.rows("dead_letters")) == 1
    await system.send(delete("u1", 10))
    await system.send(letter | {"messageId": "after"})
    assert await system.rows("dead_letters") == []


async def test_a_refused_message_that_the_person_sent_afterwards_stays(system: System) -> None:
    await system.send(identify(1, userId="u1"))
    await system.send(delete("u1", 10))
    await system.post("/v1/batch", {"batch": [_REFUSED | {"userId": "u1", "timestamp": at(11)}]}, "defaultmain")
    await system.settled()
    assert len(await system.rows("dead_letters")) == 1


async def test_a_refused_message_without_a_time_of_its_own_comes_back_after_a_deletion_no_more_than_others(
    system: System,
) -> None:
    letter = {"batch": [{"type": "track", "userId": "u1", "messageId": "m"}]}
    await system.post("/v1/batch", letter, "defaultmain")
    await system.settled()
    await system.send({"type": "delete", "userId": "u1", "messageId": "d"})
    await system.post("/v1/batch", letter, "defaultmain")
    await system.settled()
    assert await system.rows("dead_letters") == []


async def somebody_waits(system: System) -> None:
    async def is_waiting() -> bool:
        return bool(await system.database.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

    await eventually(is_waiting, "somebody waits for a lock")


async def test_a_refused_message_that_is_being_kept_while_its_person_is_deleted_goes(system: System) -> None:
    async with system.database.transaction():
        await settle_messages(system.database, [_refused("u1")])
        await system.post("/webhook/defaultmain", delete("u1", 10), "defaultmain")
        await somebody_waits(system)
    await system.settled()
    assert await system.rows("dead_letters") == []


async def test_a_refused_message_that_comes_while_its_person_is_being_deleted_goes(system: System) -> None:
    person = Named(identity_id(1, "u1"), "u1", is_user=True)
    async with system.database.transaction():
        burials = Burials()
        await forget_person(system.database, 1, person, datetime.fromisoformat(at(10)), burials)
        await forget_letters(system.database, 1, burials)
        await system.post("/v1/batch", {"batch": [_REFUSED | {"userId": "u1"}]}, "defaultmain")
        await somebody_waits(system)
    await system.settled()
    assert await system.rows("dead_letters") == []


async def test_batches_with_both_a_deletion_and_a_refused_message_only_wait_for_each_other(system: System) -> None:
    async def settle(number: int) -> None:
        database = await asyncpg.connect(system.database_url)
        try:
            async with database.transaction():
                deletion = delete(f"u{number}", 10) | {"receivedAt": at(10)}
                await settle_messages(database, [_refused(f"u{number}"), _accepted(deletion)])
        finally:
            await database.close()

    await asyncio.gather(*map(settle, range(4)))
    assert await system.rows("dead_letters") == []


async def test_a_message_that_dies_after_its_persons_deletion_keeps_no_text(system: System) -> None:
    await system.send(delete("u1", 10))
    said = {"type": "track", "event": "x", "userId": "u1", "messageId": "hers", "receivedAt": at(5)}
    async with system.database.transaction():
        await bury_deadly(system.database, _accepted(said))
    assert await system.rows("dead_letters") == []


async def test_dead_letters_of_the_person_go_however_many_there_are(system: System) -> None:
    bad = [{"type": "track", "userId": str(number % 2), "messageId": f"m{number}"} for number in range(1000)]
    assert await system.post("/v1/batch", {"batch": bad}, "defaultmain") == 200
    await system.settled()
    await system.send({"type": "delete", "userId": "1", "messageId": "d"})
    left = {row[0] for row in await system.rows("dead_letters", "message_id")}
    assert left == {letter["messageId"] for letter in bad if letter["userId"] == "0"}


async def test_a_message_that_dies_was_received_when_it_was(system: System) -> None:
    said = {"type": "track", "event": "x", "userId": "u1", "messageId": "m", "receivedAt": at(5)}
    async with system.database.transaction():
        await bury_deadly(system.database, _accepted(said))
    assert await system.rows("dead_letters", "received_at") == [(datetime.fromisoformat(at(5)),)]
