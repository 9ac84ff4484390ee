"""The table of what an alias does, each row in both orders of arrival."""

from typing import Any

import pytest

from tests.journeys.messages import alias, identify, track
from tests.system import System

both_orders = pytest.mark.parametrize("is_reversed", [False, True], ids=["in_order", "reversed"])


async def send_each(system: System, messages: list[dict[str, Any]], *, is_reversed: bool) -> None:
    for message in reversed(messages) if is_reversed else messages:
        await system.send(message)


async def names(system: System) -> list[str | None]:
    return sorted(await system.contacts(), key=str)


async def told_in_time(system: System) -> list[tuple[Any, ...]]:
    rows = await system.database.fetch("SELECT user_id, outcome, reason FROM variance.merges ORDER BY occurred_at")
    return [tuple(row) for row in rows]


async def outcomes(system: System) -> list[tuple[Any, ...]]:
    return await system.rows("merges", "previous_id, user_id, outcome")


@both_orders
async def test_both_known_become_one_contact_named_by_the_user_id(system: System, is_reversed: bool) -> None:
    await send_each(
        system,
        [
            identify(1, userId="p", traits={"x": "p", "email": "p@first.example"}),
            identify(2, userId="u", traits={"x": "u"}),
            track("by p", 3, userId="p"),
            track("by u", 4, userId="u"),
            alias("p", "u", 5),
        ],
        is_reversed=is_reversed,
    )
    contacts = await system.contacts()
    assert list(contacts) == ["u"]
    assert contacts["u"]["traits"] == {"x": "u", "email": "p@first.example"}
    assert contacts["u"]["account"] == "first.example"
    assert {row[0] for row in await system.rows("events", "contact_id")} == {contacts["u"]["id"]}
    assert await outcomes(system) == [("p", "u", "merged")]


@both_orders
async def test_the_only_known_previous_id_gets_the_new_name(system: System, is_reversed: bool) -> None:
    await send_each(system, [identify(1, userId="p", traits={"x": 1}), alias("p", "u", 2)], is_reversed=is_reversed)
    assert {name: contact["traits"] for name, contact in (await system.contacts()).items()} == {"u": {"x": 1}}
    assert await outcomes(system) == [("p", "u", "renamed")]


@both_orders
async def test_what_comes_later_for_an_unknown_previous_id_belongs_to_the_user(
    system: System, is_reversed: bool
) -> None:
    await send_each(
        system, [alias("p", "u", 1), track("late", 2, userId="p"), track("own", 3, userId="u")], is_reversed=is_reversed
    )
    assert await names(system) == ["u"]
    assert await outcomes(system) == [("p", "u", "recorded")]


@both_orders
async def test_an_unknown_previous_id_may_turn_out_to_be_a_visitors(system: System, is_reversed: bool) -> None:
    await send_each(system, [alias("p", "u", 1), track("late", 2, anonymousId="p")], is_reversed=is_reversed)
    assert await names(system) == ["u"]
    assert await system.rows("identities", "value, kind") == [("p", "anonymous"), ("u", "user")]


@both_orders
async def test_a_chain_is_one_contact_with_the_last_name(system: System, is_reversed: bool) -> None:
    await send_each(
        system, [identify(0, userId="p"), alias("p", "u", 1), alias("u", "w", 2)], is_reversed=is_reversed
    )
    assert await names(system) == ["w"]


@both_orders
async def test_a_chain_whose_links_happened_in_the_other_order_ends_at_the_same_name(
    system: System, is_reversed: bool
) -> None:
    await send_each(
        system, [identify(0, userId="p"), alias("u", "w", 1), alias("p", "u", 2)], is_reversed=is_reversed
    )
    assert await names(system) == ["w"]


@both_orders
async def test_a_cycle_is_one_contact_named_by_the_later_alias(system: System, is_reversed: bool) -> None:
    await send_each(system, [alias("p", "u", 1), alias("u", "p", 2)], is_reversed=is_reversed)
    assert await names(system) == ["p"]


@both_orders
async def test_the_same_alias_again_or_of_itself_changes_nothing(system: System, is_reversed: bool) -> None:
    await send_each(
        system,
        [identify(0, userId="p"), alias("p", "u", 1), alias("p", "u", 2), alias("u", "u", 3)],
        is_reversed=is_reversed,
    )
    assert await names(system) == ["u"]
    assert len(await system.rows("identities")) == 2


@both_orders
async def test_an_alias_that_renames_back_is_no_repetition_and_the_one_after_it_is(
    system: System, is_reversed: bool
) -> None:
    await send_each(
        system,
        [identify(0, userId="p"), alias("p", "u", 1), alias("p", "w", 2), alias("p", "u", 3), alias("p", "p", 4),
         alias("p", "u", 5)],
        is_reversed=is_reversed,
    )  # fmt: skip
    assert await names(system) == ["u"]
    assert await told_in_time(system) == [
        ("u", "renamed", "only the previousId was known"),
        ("w", "renamed", "only the previousId was known"),
        ("u", "merged", "both were known"),
        ("p", "recorded", "the previousId is the userId"),
        ("u", "recorded", "an earlier alias says the same"),
    ]


@both_orders
async def test_an_alias_that_closes_a_circle_again_is_no_repetition(system: System, is_reversed: bool) -> None:
    await send_each(
        system,
        [identify(0, userId="p"), alias("p", "u", 1), alias("u", "p", 2), alias("p", "u", 3)],
        is_reversed=is_reversed,
    )
    assert await names(system) == ["u"]
    assert [row[:2] for row in await told_in_time(system)] == [("u", "renamed"), ("p", "merged"), ("u", "merged")]


@both_orders
async def test_what_has_no_effect_comes_between_no_two_aliases(system: System, is_reversed: bool) -> None:
    await send_each(
        system,
        [track("visit", 0, anonymousId="p"), alias("p", "u", 1), alias("p", "w", 2), alias("p", "null", 3),
         alias("p", "u", 4)],
        is_reversed=is_reversed,
    )  # fmt: skip
    assert [row[1] for row in await told_in_time(system)] == ["renamed", "refused", "refused", "recorded"]


@both_orders
async def test_a_visitor_who_was_claimed_before_is_refused_with_the_reason(system: System, is_reversed: bool) -> None:
    await send_each(
        system,
        [
            track("visit", 1, anonymousId="a"),
            identify(2, anonymousId="a", userId="first"),
            identify(3, userId="second"),
            alias("a", "second", 4),
        ],
        is_reversed=is_reversed,
    )
    assert await names(system) == ["first", "second"]
    ((previous, user, outcome, reason),) = await system.rows("merges", "previous_id, user_id, outcome, reason")
    assert (previous, user, outcome) == ("a", "second", "refused")
    assert "earlier" in reason
    rows = await system.database.fetch(
        "SELECT c.external_id FROM variance.events e JOIN variance.contacts c ON c.id = e.contact_id"
    )
    assert [row[0] for row in rows] == ["first"]


@both_orders
async def test_a_shared_browser_never_glues_two_users_together(system: System, is_reversed: bool) -> None:
    await send_each(
        system,
        [
            track("visit", 1, anonymousId="browser"),
            identify(2, anonymousId="browser", userId="ann"),
            track("visit", 3, anonymousId="browser"),
            identify(4, anonymousId="browser", userId="bob"),
        ],
        is_reversed=is_reversed,
    )
    assert await names(system) == ["ann", "bob"]
    assert await outcomes(system) == [("browser", "bob", "refused")]


@both_orders
async def test_an_alias_without_a_previous_id_renames_its_visitor(system: System, is_reversed: bool) -> None:
    told = [track("looked", 1, anonymousId="a"), alias(None, "u", 2, anonymousId="a")]
    await send_each(system, told, is_reversed=is_reversed)
    contacts = await system.contacts()
    assert list(contacts) == ["u"]
    assert await system.rows("events", "contact_id") == [(contacts["u"]["id"],)]
    assert await outcomes(system) == [("a", "u", "renamed")]


@pytest.mark.parametrize("no_id", ["null", "undefined", "0", "anonymous", "[object Object]", " ", "NaN", "-1"])
async def test_an_id_that_is_no_id_links_nothing(system: System, no_id: str) -> None:
    await system.send(
        identify(1, userId=no_id, anonymousId="a1"),
        identify(2, userId=no_id, anonymousId="a2"),
        identify(3, userId="u1", anonymousId=no_id),
        identify(4, userId="u2", anonymousId=no_id),
    )
    assert len(await system.rows("contacts")) == 4
    await system.post("/v1/alias", {"previousId": no_id, "userId": "u1"}, "defaultmain")
    await system.post("/v1/alias", {"previousId": "u2", "userId": no_id}, "defaultmain")
    await system.settled()
    assert len(await system.rows("contacts")) == 4
    assert {row[2] for row in await outcomes(system)} <= {"refused"}
