"""What moves `last_seen_at` on, of a contact and of its account."""

from datetime import datetime
from typing import Any

import pytest

from tests.journeys.messages import at, group, identify, message, track
from tests.system import System


async def last_seen(system: System) -> tuple[datetime, datetime]:
    """Give when the one contact and its account were last seen."""
    (contact,) = await system.rows("contacts", "last_seen_at")
    (account,) = await system.rows("accounts", "last_seen_at")
    return contact[0], account[0]


def times(contact_minute: int, account_minute: int) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(at(contact_minute)), datetime.fromisoformat(at(account_minute))


@pytest.mark.parametrize("later", ["identify", "group", "track", "page"])
async def test_a_message_whose_sender_was_not_active_updates_without_last_seen(system: System, later: str) -> None:
    away = {"context": {"active": False, "groupId": "g1"}, "userId": "u1"}
    messages = {
        "identify": identify(5, traits={"plan": "pro"}, **away),
        "group": group("g1", 5, traits={"plan": "pro"}, **away),
        "track": track("Invoice Paid", 5, **away),
        "page": message("page", 5, name="Home", **away),
    }
    await system.send(group("g1", 1, userId="u1", traits={}))
    await system.send(messages[later])  # by itself: nothing but a time could move
    assert await last_seen(system) == times(1, 1)
    await system.send(identify(6, userId="u1", traits={}), group("g1", 7, userId="u1", traits={}))
    assert await last_seen(system) == times(7, 7)


async def test_who_was_never_active_was_last_seen_when_first_seen(system: System) -> None:
    away = {"context": {"active": False}, "userId": "u1", "traits": {}}
    await system.send(group("g1", 3, **away))
    await system.send(group("g1", 5, **away))
    assert await last_seen(system) == times(3, 3)
    await system.send(group("g1", 2, **away))
    assert await last_seen(system) == times(2, 2)


async def test_who_a_worker_of_an_older_version_heard_of_stays_heard_of(system: System) -> None:
    away = {"context": {"active": False}, "userId": "u1", "traits": {}}
    await system.send(group("g1", 1, **away))
    await system.database.execute(
        "UPDATE variance_data.accounts SET last_seen_at = $1", datetime.fromisoformat(at(4))
    )
    await system.send(group("g1", 5, **away))
    assert (await last_seen(system))[1] == datetime.fromisoformat(at(4))


@pytest.mark.parametrize("value", ["false", 0, None, {}, []])
async def test_only_false_says_that_a_sender_was_not_active(system: System, value: Any) -> None:
    await system.send(group("g1", 1, userId="u1", traits={}))
    await system.send(group("g1", 5, userId="u1", traits={}, context={"active": value}))
    assert await last_seen(system) == times(5, 5)
