"""Deletion: the person's rows and messages go, and what was said before stays away."""

import asyncio
import json
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from schemas.queue import QueuedMessage, QueuedRefusal
from tests.journeys.messages import alias, at, identify, message, track
from tests.system import System
from tests.waiting import eventually
from worker.batch import bury_deadly, settle_messages
from worker.fold.facts import Named
from worker.fold.ids import identity_id
from worker.forget import forget_person
from worker.forget_letters import Burials, forget_letters
from worker.rebuild import RebuildOptions, rebuild
from worker.store.ledger import read_all_rules
from worker.unlink import unlink


def delete(user_id: str, minute: int) -> dict[str, object]:
    return message("delete", minute, userId=user_id)


def _refused(user_id: str) -> QueuedMessage:
    refusal = QueuedRefusal("missing_field", "no event", json.dumps({"type": "track", "userId": user_id}), at(5))
    return QueuedMessage("defaultmain", f"of-{user_id}", is_accepted=False, value=msgspec.json.encode(refusal))


def _accepted(said: dict[str, Any]) -> QueuedMessage:
    return QueuedMessage("defaultmain", said["messageId"], is_accepted=True, value=json.dumps(said).encode())


async def test_a_deleted_person_leaves_nothing_but_a_tombstone(system: System) -> None:
    await system.send(
        identify(1, userId="u1", anonymousId="a1", traits={"email": "u1@acme.example"}),
        identify(1, userId="keep"),
        track("x", 2, anonymousId="a1"),
        alias("older", "u1", 3),
    )
    await system.send(delete("u1", 10))
    assert list(await system.contacts()) == ["keep"]
    assert await system.rows("events") == []
    assert await system.rows("identities", "value") == [("keep",)]
    texts = await system.database.fetch("SELECT m::text FROM variance_data.messages m")
    assert not any("acme.example" in row[0] or '"u1"' in row[0] for row in texts)


async def test_what_was_said_before_is_suppressed_and_what_comes_after_is_new(system: System) -> None:
    await system.send(delete("u1", 10))
    await system.send(identify(5, userId="u1", traits={"old": 1}), track("old", 6, userId="u1"))
    assert await system.contacts() == {}
    await system.send(identify(15, userId="u1", traits={"new": 1}))
    assert (await system.contacts())["u1"]["traits"] == {"new": 1}
    assert await system.ledger() == {"applied": 2, "duplicate": 0, "suppressed": 2, "dead": 0}


async def test_what_was_said_after_a_deletion_that_arrives_late_is_kept(system: System) -> None:
    await system.send(
        identify(1, userId="u1", traits={"old": 1, "both": 1}),
        identify(20, userId="u1", traits={"both": 2}),
        track("old", 2, userId="u1"),
        track("new", 21, userId="u1"),
    )
    await system.send(delete("u1", 10))
    assert (await system.contacts())["u1"]["traits"] == {"both": 2}
    assert await system.rows("events", "name") == [("new",)]


@pytest.mark.parametrize("times", [{}, {"timestamp": "soon"}, {"originalTimestamp": at(9), "sentAt": at(9)}])
async def test_a_repeated_message_without_a_time_of_its_own_brings_nobody_back(
    system: System, times: dict[str, str]
) -> None:
    said = {"type": "identify", "userId": "u1", "messageId": "m", **times}
    await system.send(said)
    await system.send({"type": "delete", "userId": "u1", "messageId": "d"})
    await system.send(said)
    assert await system.contacts() == {}
    assert await system.ledger() == {"applied": 2, "duplicate": 1, "suppressed": 0, "dead": 0}
    await system.send(said | {"messageId": "new"})
    assert list(await system.contacts()) == ["u1"]


async def test_a_visitor_of_a_deleted_user_may_belong_to_the_next_one(system: System) -> None:
    await system.send(identify(1, userId="u1", anonymousId="shared"), identify(2, userId="u2", anonymousId="shared"))
    await system.send(delete("u1", 10))
    ((contact_id,),) = await system.rows("contacts", "id")
    rows = await system.rows("identities", "value, contact_id")
    assert rows == [("shared", contact_id), ("u2", contact_id)]


async def test_a_deletion_in_the_same_delivery_counts_by_its_time(system: System) -> None:
    await system.send(delete("u1", 10), identify(5, userId="u1"), identify(15, userId="u1", traits={"x": 1}))
    assert (await system.contacts())["u1"]["traits"] == {"x": 1}


async def test_a_visitor_whose_claim_comes_after_the_deletion_is_forgotten_as_well(system: System) -> None:
    await system.send(track("seen", 1, anonymousId="a1"), identify(9, userId="keep"))
    await system.send(delete("u1", 10))
    await system.send(identify(2, userId="u1", anonymousId="a1"))
    assert list(await system.contacts()) == ["keep"]
    assert await system.rows("events") == []
    await system.send(track("late", 3, anonymousId="a1"), track("new", 11, anonymousId="a1"))
    assert await system.rows("events", "name") == [("new",)]


async def test_a_visitor_of_somebody_else_is_not_forgotten(system: System) -> None:
    await system.send(track("hers", 1, anonymousId="a1"), identify(2, userId="ann", anonymousId="a1"))
    await system.send(delete("bob", 10))
    await system.send(identify(5, userId="bob", anonymousId="a1"))
    assert list(await system.contacts()) == ["ann"]
    assert await system.rows("events", "name") == [("hers",)]


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


async def test_a_withdrawn_link_stays_withdrawn_when_its_person_is_deleted(system: System) -> None:
    await system.send(identify(1, userId="p"), alias("p", "u", 2, messageId="link"), identify(20, userId="u"))
    key = ("defaultmain", "link")
    async with system.database.transaction():
        await unlink(system.database, 1, key, await read_all_rules(system.database))
    await system.send(delete("p", 10))
    contacts = await system.contacts()
    assert contacts["u"]["first_seen_at"].strftime("%H:%M") == "00:02"
    assert ("p", "user", contacts["u"]["id"]) not in await system.rows("identities", "value, kind, contact_id")
    difference = await rebuild(system.database_url, RebuildOptions(), lambda _done, _total: None)
    assert set(difference.rows.values()) == {0}


async def test_a_rebuild_and_a_repeated_delivery_respect_the_deletion(system: System) -> None:
    said = [identify(1, userId="u1", anonymousId="a1", traits={"x": 1}), track("old", 2, anonymousId="a1")]
    await system.send(*said, track("new", 20, userId="u1"))
    await system.send(delete("u1", 10))
    await system.send(*said)
    difference = await rebuild(system.database_url, RebuildOptions(), lambda _done, _total: None)
    assert set(difference.rows.values()) == {0}
    assert await system.rows("events", "name") == [("new",)]
