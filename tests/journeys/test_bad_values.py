"""Values that Postgres or JSON cannot hold: made storable, or a dead letter; never a lost neighbour."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.journeys.messages import at, identify, message, track
from tests.system import System


async def post_raw(system: System, path: str, body: bytes) -> int:
    async with system.http.post(
        system.base_url + path, data=body, headers=system.authorization("defaultmain")
    ) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize(
    ("literal", "stored"),
    [
        ("NaN", None),
        ("Infinity", None),
        ("1e400", None),
        ('"\\ud800"', "\ufffd"),
        ('"a\\u0000b"', "a\ufffdb"),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("18446744073709551615", 18446744073709551615),
        ("-0.0", 0),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("[[[{}]]]", [[[{}]]]),
        ("1e-300", 1e-300),
        ('{"":{"\\u0000":1}}', {"": {"\ufffd": 1}}),
    ],
)
async def test_a_value_is_stored_or_made_storable(system: System, literal: str, stored: Any) -> None:
    body = f'{{"userId":"u1","event":"x","timestamp":"{at(1)}","properties":{{"value":{literal},"other":1}}}}'
    assert await post_raw(system, "/v1/track", body.encode()) == 200
    await system.settled()
    ((properties,),) = await system.rows("events", "properties")
    assert orjson.loads(properties) == {"value": stored, "other": 1}


@pytest.mark.parametrize(
    "year",
    ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-4000-01-01", "soon", 1e300, "10:00:00 AM", "Monday 10:00"],
)
async def test_an_impossible_time_gives_way_to_the_time_of_arrival(system: System, year: object) -> None:
    sent = track("x", userId="u1") | {"timestamp": year, "originalTimestamp": year, "receivedAt": at(7)}
    await system.send(sent)
    ((occurred_at,),) = await system.rows("events", "occurred_at")
    assert occurred_at.strftime("%H:%M") == "00:07"


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-30T00:00:00Z"])
async def test_the_first_and_last_days_can_be_read_back(system: System, moment: str) -> None:
    await system.send(track("x", userId="u1") | {"timestamp": moment})
    assert len(await system.rows("events", "occurred_at")) == 1


async def test_times_are_read_in_every_form_that_clients_are_known_to_write(system: System) -> None:
    forms: list[object] = [
        "2025-12-31T22:00:00Z", "2026-01-01T00:00:00+02:00", "2026-1-01T00:00:00+0200", "2025-12-31 22:00:00",
        "20251231T220000Z", "\u0662\u0660\u0662\u0665-12-31T22:00:00.000Z", "2025-12-31T22:00:00.000000000Z",
        1767218400, 1767218400000, "1767218400", "1767218400000", "1767218400.0",
        "2025-12-31 22:00:00.00000001 +0000 UTC m=+3.25", "2025-12-31 17:00:00 -0500 EST m=+3.25",
        "Thu, 01 Jan 2026 00:00:00 +0200",
        "Thu Jan 01 2026 00:00:00 GMT+0200 (Eastern European Standard Time)", "Wed Dec 31 2025 17:00:00 GMT-0500",
        "Wed, 31 Dec 2025 22:00:00 GMT", "Dec 31, 2025 2:00 PM PST", "2025-12-31 22:00:00 XYZ",
    ]  # fmt: skip
    await system.send(*(
        track("x", userId="u1") | {"messageId": str(number), "timestamp": form} for number, form in enumerate(forms)
    ))  # fmt: skip
    rows = dict(await system.rows("events", "message_id, occurred_at"))
    moment = datetime(2025, 12, 31, 22, tzinfo=UTC)
    assert [form for number, form in enumerate(forms) if rows[str(number)] != moment] == []


async def test_the_clients_clock_is_corrected_where_nothing_else_is_known(system: System) -> None:
    sent = track("x", userId="u1") | {"originalTimestamp": at(100), "sentAt": at(103), "receivedAt": at(10)}
    del sent["timestamp"]
    await system.send(sent)
    ((occurred_at,),) = await system.rows("events", "occurred_at")
    assert occurred_at.strftime("%H:%M") == "00:07"


async def test_ids_of_a_kilobyte_are_ids(system: System) -> None:
    long_id = "u" * 5000
    await system.send(identify(userId=long_id, messageId="m" * 5000, traits={"x": 1}))
    await system.send(identify(userId=long_id, messageId="m" * 5000, traits={"x": 1}))
    assert list(await system.contacts()) == [long_id]
    assert (await system.ledger())["duplicate"] == 1


async def test_a_message_that_postgres_refuses_dies_alone(system: System) -> None:
    poison = track("poison", 1, userId="u1", properties={"n": 1})
    neighbours = [track(f"e{number}", 1, userId=f"u{number}") for number in range(40)]
    await system.database.execute(
        """ALTER TABLE variance_data.messages ADD CONSTRAINT no_poison CHECK (body ->> 'event' <> 'poison')"""
    )
    status = await system.post("/webhook/defaultmain", [*neighbours[:20], poison, *neighbours[20:]], "defaultmain")
    assert status == 200
    await system.settled()
    assert await system.ledger() == {"applied": 40, "duplicate": 0, "suppressed": 0, "dead": 1}
    ((message_id, reason, body),) = await system.rows("dead_letters", "message_id, reason, body")
    assert (message_id, reason) == (poison["messageId"], "unstorable")
    assert orjson.loads(body)["event"] == "poison"
    await system.database.execute("DELETE FROM variance_data.dead_letters")


async def test_bad_members_of_a_batch_become_dead_letters_with_their_reason(system: System) -> None:
    batch = [
        {"type": "track", "userId": "u1", "messageId": "no-event"},
        {"type": "identify", "userId": "u1", "messageId": "good", "traits": {"plan": "pro"}},
        {"type": "group", "userId": "u1", "messageId": "no-group"},
        {"type": "alias", "userId": "u1", "messageId": "no-previous"},
        {"type": "page", "messageId": "no-id"},
        {"type": "dance", "userId": "u1", "messageId": "no-type"},
        {"type": "identify", "userId": {"a": 1}, "messageId": "object-id"},
        "not an object",
        None,
    ]
    assert await system.post("/v1/batch", {"batch": batch}, "defaultmain") == 200
    await system.settled()
    assert (await system.contacts())["u1"]["traits"] == {"plan": "pro"}
    reasons = {row[0]: row[1:] for row in await system.rows("dead_letters", "message_id, reason, detail")}
    assert {key: reason for key, (reason, _) in reasons.items() if not key.startswith("refused-")} == {
        "no-event": "missing_field",
        "no-group": "missing_field",
        "no-previous": "missing_field",
        "no-id": "missing_id",
        "no-type": "unknown_type",
        "object-id": "invalid_field",
    }
    assert "$.batch[0]" in reasons["no-event"][1]
    assert await system.ledger() == {"applied": 1, "duplicate": 0, "suppressed": 0, "dead": 8}


@pytest.mark.parametrize("traits", [None, [], {"email": 5, "company": [], "": None, "a.b": {"c": None}}])
async def test_odd_traits_harm_nothing(system: System, traits: Any) -> None:
    await system.send(identify(userId="u1", traits=traits), message("page", userId="u1", name=None, category=None))
    assert list(await system.contacts()) == ["u1"]
    assert await system.rows("events", "name") == [(None,)]


async def test_a_clock_decades_ahead_counts_as_a_day_ahead_of_the_receipt(system: System) -> None:
    wrong = {"timestamp": "2099-03-01T00:00:00.000Z", "originalTimestamp": "2099-03-01T00:00:00.000Z"}
    await system.send(
        identify(0, userId="u1", traits={"email": "p@acme.example"}, **wrong), track("ahead", 0, userId="u1", **wrong)
    )
    bound = datetime.now(UTC) + timedelta(days=1)
    assert (await system.contacts())["u1"]["last_seen_at"] <= bound
    (account,) = await system.rows("accounts", "last_seen_at")
    (stay,) = await system.rows("account_memberships", "since")
    assert max(account[0], stay[0]) <= bound
    assert await system.rows("events", "occurred_at") == [(datetime(2099, 3, 1, tzinfo=UTC),)]
