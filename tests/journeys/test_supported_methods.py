"""What the destination's documentation promises under "Supported methods"; of an alias, see test_alias_table.py."""

from datetime import UTC, datetime

import orjson

from tests.journeys.messages import at, group, identify, message, track
from tests.system import System


async def test_a_page_call_becomes_a_page_event(system: System) -> None:
    await system.send(message("page", userId="u1", name="Pricing", properties={"path": "/pricing"}))
    assert await system.rows("events", "connection, type, name") == [("main", "page", "Pricing")]


async def test_a_screen_call_becomes_a_screen_event(system: System) -> None:
    await system.send(message("screen", userId="u1", name="Home"))
    assert await system.rows("events", "type, name") == [("screen", "Home")]


async def test_a_track_call_becomes_an_action_event_of_its_contact(system: System) -> None:
    await system.send(track("Login Button Clicked", 5, userId="u1", properties={"plan": "pro"}))
    ((contact_id,),) = await system.rows("contacts", "id")
    row = await system.database.fetchrow("SELECT * FROM variance.events")
    assert row is not None
    assert (row["type"], row["name"], row["contact_id"]) == ("action", "Login Button Clicked", contact_id)
    assert orjson.loads(row["properties"]) == {"plan": "pro"}
    assert row["occurred_at"].isoformat() == "2026-03-01T00:05:00+00:00"


async def test_an_identify_call_becomes_a_contact(system: System) -> None:
    await system.send(identify(userId="userId123", traits={"email": "john.doe@example.com", "plan": "pro"}))
    contacts = await system.contacts()
    assert contacts["userId123"]["email"] == "john.doe@example.com"
    assert contacts["userId123"]["traits"] == {"email": "john.doe@example.com", "plan": "pro"}


async def test_a_group_call_becomes_an_account_with_its_sender_in_it(system: System) -> None:
    traits = {"name": "Initech", "industry": "Technology", "employees": 329, "plan": "enterprise"}
    await system.send(group("groupId123", userId="u1", traits=traits))
    ((key, name, source, stored),) = await system.rows("accounts", "key, name, source, traits")
    assert (key, name, source, orjson.loads(stored)) == ("groupId123", "Initech", "group", traits)
    assert (await system.contacts())["u1"]["account"] == "groupId123"


async def test_an_anonymous_visitor_is_a_contact_that_becomes_the_user(system: System) -> None:
    await system.send(message("page", 1, anonymousId="a1", userId=None))
    assert list(await system.contacts()) == [None]
    await system.send(identify(2, anonymousId="a1", userId="u1", traits={"email": "u@acme.example"}))
    contacts = await system.contacts()
    assert list(contacts) == ["u1"]
    assert await system.rows("events", "contact_id") == [(contacts["u1"]["id"],)]
    assert await system.rows("identities", "value, kind") == [("a1", "anonymous"), ("u1", "user")]
    assert contacts["u1"]["first_seen_at"].isoformat().startswith(at(1)[:16])


async def test_a_repeated_message_is_applied_once_and_counted(system: System) -> None:
    sent = track("Once", userId="u1")
    await system.send(sent, sent)
    await system.send(sent)
    assert len(await system.rows("events")) == 1
    assert await system.ledger() == {"applied": 1, "duplicate": 2, "suppressed": 0, "dead": 0}


async def test_a_null_trait_removes_the_trait_whatever_arrives_later(system: System) -> None:
    await system.send(identify(2, userId="u1", traits={"plan": None, "seats": 5}))
    await system.send(identify(1, userId="u1", traits={"plan": "pro", "seats": 3}))
    assert (await system.contacts())["u1"]["traits"] == {"seats": 5}


async def test_another_content_under_the_same_message_id_is_not_applied_but_counted(system: System) -> None:
    sent = track("First", userId="u1", messageId="same")
    await system.send(sent, sent | {"event": "Second"}, sent | {"sentAt": at(30)})
    between = datetime.now(UTC)
    await system.send(sent | {"event": "Third"}, sent)
    afterwards = datetime.now(UTC)
    assert await system.rows("events", "name") == [("First",)]
    ((*conflict, last_at),) = await system.rows("conflicts", "connection, message_id, times, last_at")
    assert conflict == ["main", "same", 2]
    assert between < last_at < afterwards
