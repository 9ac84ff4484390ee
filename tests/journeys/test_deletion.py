"""Deletion: the person's rows and messages go, and what was said before stays away."""

import pytest

from tests.journeys.messages import alias, at, delete, identify, track
from tests.system import System
from worker.rebuild import RebuildOptions, rebuild
from worker.store.ledger import read_all_rules
from worker.unlink import unlink


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
