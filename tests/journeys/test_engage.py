"""What the destination's documentation promises under "Engage": audiences and computed traits."""

from typing import Any

import pytest

from tests.journeys.messages import alias, at, group, identify
from tests.system import System

AUDIENCE = "order_completed_last_30days"


def personas(key: str = AUDIENCE, class_: str = "audience") -> dict[str, Any]:
    return {
        "personas": {"computation_class": class_, "computation_key": key, "namespace": "users", "space_id": "spa_1"}
    }


def entry(minute: int, is_member: object, user: str = "u1", **fields: Any) -> dict[str, Any]:
    return identify(minute, userId=user, traits={AUDIENCE: is_member}, context=personas(), **fields)


async def memberships(system: System) -> list[tuple[Any, ...]]:
    rows = await system.database.fetch(
        """SELECT m.audience, c.external_id, m.is_member, m.entered_at, m.exited_at
        FROM variance.audience_memberships m LEFT JOIN variance.contacts c ON c.id = m.contact_id
        ORDER BY m.entered_at NULLS FIRST"""
    )
    return [
        (row[0], row[1], row[2], *(instant and instant.strftime("%H:%M") for instant in row[3:])) for row in rows
    ]


async def test_an_audience_is_a_trait_and_a_membership(system: System) -> None:
    await system.send(entry(1, is_member=True))
    assert (await system.contacts())["u1"]["traits"] == {AUDIENCE: True}
    assert await memberships(system) == [(AUDIENCE, "u1", True, "00:01", None)]


async def test_leaving_an_audience_is_remembered_with_its_time(system: System) -> None:
    await system.send(entry(9, is_member=False))
    await system.send(entry(1, is_member=True), entry(4, is_member=True))
    assert (await system.contacts())["u1"]["traits"] == {AUDIENCE: False}
    assert await memberships(system) == [(AUDIENCE, "u1", False, "00:01", "00:09")]


async def test_coming_back_is_a_stay_of_its_own(system: System) -> None:
    await system.send(entry(1, is_member=True), entry(2, is_member=False), entry(3, is_member=True))
    assert await memberships(system) == [
        (AUDIENCE, "u1", False, "00:01", "00:02"),
        (AUDIENCE, "u1", True, "00:03", None),
    ]


async def test_a_membership_follows_the_contact_through_an_alias(system: System) -> None:
    await system.send(entry(1, is_member=True, user="old"), alias("old", "new", 2))
    assert await memberships(system) == [(AUDIENCE, "new", True, "00:01", None)]


async def test_a_journey_step_may_say_true_as_text(system: System) -> None:
    await system.send(
        identify(1, userId="u1", traits={"step": "true", "other": 1}, context=personas("step", "journey_step"))
    )
    assert await memberships(system) == [("step", "u1", True, "00:01", None)]


@pytest.mark.parametrize("context", [{}, personas(AUDIENCE, "computed_trait")])
async def test_a_computed_trait_is_a_trait_and_no_membership(system: System, context: dict[str, Any]) -> None:
    await system.send(identify(userId="u1", traits={AUDIENCE: True}, context=context))
    assert (await system.contacts())["u1"]["traits"] == {AUDIENCE: True}
    assert await memberships(system) == []


async def test_an_account_audience_is_the_accounts_trait_and_membership(system: System) -> None:
    await system.send(group("g1", 1, anonymousId="a1", traits={"big": True}, context=personas("big")))
    rows = await system.database.fetch(
        """SELECT a.key, a.traits->>'big' AS big, m.contact_id, m.is_member, m.entered_at
        FROM variance.audience_memberships m JOIN variance.accounts a ON a.id = m.account_id"""
    )
    assert [tuple(row)[:4] for row in rows] == [("g1", "true", None, True)]
    assert rows[0]["entered_at"].isoformat().startswith(at(1)[:16])


async def test_an_account_audience_may_name_nobody(system: System) -> None:
    came, went = (
        group("g1", minute, traits={"big": is_member}, context=personas("big"))
        for minute, is_member in ((1, True), (5, False))
    )
    await system.send(went, came)
    await system.send(came)
    assert [stay[2:] for stay in await memberships(system)] == [(False, "00:01", "00:05")]
    assert await system.rows("accounts", "key, traits->>'big'") == [("g1", "false")]
    assert await system.rows("contacts") == []
    assert await system.database.fetchval("SELECT count(*) FROM variance_data.messages WHERE sender_id IS NULL") == 2
    assert await system.ledger() == {"applied": 2, "duplicate": 1, "suppressed": 0, "dead": 0}


async def test_the_first_sync_of_an_audience_is_applied_whole(system: System) -> None:
    await system.send(*(entry(1, is_member=True, user=f"member-{number}") for number in range(1000)))
    assert len(await memberships(system)) == 1000
