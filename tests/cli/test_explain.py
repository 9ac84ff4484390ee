from datetime import datetime
from typing import Any

import pytest

from tests.cli.command import Variance
from tests.journeys.messages import alias, at, group, identify, track
from tests.system import System
from worker.sql import statement

CONTACT_COLUMNS = "coalesce(external_id, ''), id"


async def explained(variance: Variance, id_: object, *words: str) -> dict[str, Any]:
    """Give the explanation of a contact."""
    document = (await variance("explain", "contact", str(id_), *words, "--json")).json
    assert list(document) == ["found_by", "contact"]
    return dict(document["contact"]) | {"found_by": document["found_by"]}


async def contact_ids(system: System) -> dict[str, str]:
    """Give the contacts' ids by external id."""
    return {name: str(id_) for name, id_ in await system.rows("contacts", CONTACT_COLUMNS)}


def said(message_id: str, minute: int, connection: str = "main") -> dict[str, Any]:
    return {"message_id": message_id, "connection": connection, "occurred_at": at(minute).replace(".000", "")}


def link(kind: str, previous: str, user: str, message_id: str, minute: int) -> dict[str, Any]:
    return {"kind": kind, "previous_id": previous, "user_id": user, "message": said(message_id, minute)}


def idle(told: dict[str, Any]) -> list[tuple[str, ...]]:
    """Give the idle links in short."""
    return [
        (one["kind"], one["previous_id"], one["user_id"], one["message"]["message_id"], one["outcome"], one["reason"])
        for one in told["idle_links"]
    ]


async def refusals(system: System) -> set[tuple[str, ...]]:
    return set(await system.rows("merges WHERE outcome = 'refused'", "previous_id, user_id, message_id, reason"))


@pytest.fixture
async def person(system: System) -> System:
    """A person with two userIds and two browsers, one of which a stranger used as well."""
    await system.connect("crm", accounts="traits")
    await system.send(
        track("visit", 0, anonymousId="phone", messageId="visit"),
        identify(1, anonymousId="phone", userId="old", messageId="sign-up",
                 traits={"email": "jo@first.example", "plan": "free", "phone": "1"}),
        track("visit", 2, anonymousId="laptop", userId="stranger", messageId="stranger-first"),
        identify(3, anonymousId="phone", userId="stranger", messageId="stranger-later"),
        group("g1", 4, userId="old", messageId="group-1", traits={"name": "First Inc."}),
        group("g2", 5, userId="old", messageId="group-2"),
        identify(6, userId="new", messageId="profile",
                 traits={"email": "jo@second.example", "plan": "paid", "phone": None, "vip": "true"}),
        alias("old", "new", 7, messageId="rename"),
        alias("old", "new", 8, messageId="rename-again"),
        alias("laptop", "new", 9, messageId="not-ours"),
    )  # fmt: skip
    await system.send(
        identify(10, userId="new", messageId="from-crm", traits={"company": {"id": 7, "name": "Seven"}}),
        connection="defaultcrm",
    )
    return system


async def test_members_show_the_message_behind_each_link(person: System, variance: Variance) -> None:
    told = await explained(variance, "new")
    assert (told["id"], told["workspace"]) == ((await contact_ids(person))["new"], "default")
    assert (told["external_id"], told["email"]) == ("new", "jo@second.example")
    assert (told["first_seen_at"], told["last_seen_at"]) == (said("", 0)["occurred_at"], said("", 10)["occurred_at"])
    assert [(m["value"], m["kind"], m["first_seen_at"], m["link"]) for m in told["members"]] == [
        ("new", "user", said("", 6)["occurred_at"], None),
        ("old", "user", said("", 1)["occurred_at"], link("alias", "old", "new", "rename", 7)),
        ("phone", "anonymous", said("", 0)["occurred_at"], link("claim", "phone", "old", "sign-up", 1)),
    ]
    assert told["naming_alias"] == link("alias", "old", "new", "rename-again", 8)


async def test_links_without_effect_say_why_and_whose_the_other_end_is(person: System, variance: Variance) -> None:
    earlier = "the anonymous visitor was claimed for another user earlier"
    told = await explained(variance, "new")
    assert idle(told) == [
        ("claim", "phone", "stranger", "stranger-later", "refused", earlier),
        ("alias", "old", "new", "rename-again", "redundant", "another link makes them one contact"),
        ("alias", "laptop", "new", "not-ours", "refused", earlier),
    ]
    ids = await contact_ids(person)
    assert [one["other_external_id"] for one in told["idle_links"]] == ["stranger", None, "stranger"]
    assert [one["other_contact_id"] for one in told["idle_links"]] == [ids["stranger"], None, ids["stranger"]]
    assert await refusals(person) == {(*one[1:4], one[5]) for one in idle(told) if one[4] == "refused"}


async def test_the_account_shows_its_rule_its_message_and_the_losers(person: System, variance: Variance) -> None:
    told = await explained(variance, "new")
    shown = [
        (one["source"], one["key"], one["name"], one["is_winner"], one["reason"], one["identity"], one["message"])
        for one in told["account_evidence"]
    ]
    assert shown == [
        ("group", "g2", "g2", True, "the latest message of the best rule: group", "old", said("group-2", 5)),
        ("group", "g1", "First Inc.", False, "an earlier message", "old", said("group-1", 4)),
        ("traits", "7", "Seven", False, "a better rule: group over traits", "new", said("from-crm", 10, "crm")),
        ("email", "second.example", "second.example", False, "a better rule: group over email", "new",
         said("profile", 6)),
        ("email", "first.example", "first.example", False, "a better rule: group over email", "old",
         said("sign-up", 1)),
    ]  # fmt: skip
    assert told["account"] == told["account_evidence"][0]
    assert [told["account"]["id"]] == [str(row[0]) for row in await person.rows("accounts WHERE key = 'g2'", "id")]


async def test_traits_show_what_set_removed_and_overrode_them(person: System, variance: Variance) -> None:
    traits = {trait.pop("name"): trait for trait in (await explained(variance, "new"))["traits"]}
    assert list(traits) == sorted(["company", "email", "phone", "plan", "vip"])
    assert traits["plan"] == {
        "value": "paid", "is_removed": False, "identity": "new", "message": said("profile", 6),
        "overridden": [{"value": "free", "is_removed": False, "identity": "old", "message": said("sign-up", 1)}],
    }  # fmt: skip
    assert (traits["phone"]["value"], traits["phone"]["is_removed"]) == (None, True)
    assert traits["phone"]["message"] == said("profile", 6)
    assert [lost["value"] for lost in traits["phone"]["overridden"]] == ["1"]
    assert traits["vip"]["overridden"] == []
    contact = (await person.contacts())["new"]
    assert contact["traits"] == {name: trait["value"] for name, trait in traits.items() if not trait["is_removed"]}


async def test_a_contact_is_found_by_any_id_that_it_has_or_had(system: System, variance: Variance) -> None:
    await system.send(identify(1, userId="old"))
    await system.send(identify(2, userId="new", anonymousId="browser", traits={"email": "Jo@Acme.example"}))
    before = await contact_ids(system)
    await system.send(alias("old", "new", 3))
    after = (await contact_ids(system))["new"]
    found = {
        id_: await explained(variance, id_) for id_ in (*before.values(), "old", "new", "browser", "jo@acme.EXAMPLE")
    }
    assert {told["id"] for told in found.values()} == {after}
    (earlier,) = set(before.values()) - {after}
    assert {id_: told["found_by"] for id_, told in found.items()} == {
        after: "contact_id", earlier: "earlier_contact_id", "old": "identity", "new": "identity",
        "browser": "identity", "jo@acme.EXAMPLE": "email",
    }  # fmt: skip
    assert "another id of this contact" in (await variance("explain", "contact", earlier)).out


async def test_several_contacts_are_listed_in_one_line(system: System, variance: Variance) -> None:
    elsewhere = await system.connect("main", workspace="acme")
    await system.send(identify(1, userId="u1", traits={"email": "team@acme.example"}))
    await system.send(identify(2, anonymousId="a1", traits={"email": "team@acme.example"}))
    await system.send(identify(3, userId="u1"), connection=elsewhere)
    ended = await variance("explain", "contact", "team@acme.example", "--json")
    assert ended.out == ""
    assert ended.failure.startswith("variance: 'team@acme.example' is several contacts, say which")
    for id_, name in await system.rows("contacts WHERE workspace = 'default'", "id, external_id"):
        assert f"{id_} ({repr(name) if name else 'anonymous'} in 'default')" in ended.failure
    assert "in 'acme'" in (await variance("explain", "contact", "u1")).failure
    assert (await explained(variance, "u1", "--workspace", "acme"))["workspace"] == "acme"
    assert (await explained(variance, "u1", "--workspace", "default"))["email"] == "team@acme.example"


async def test_a_crowd_with_one_address_is_not_listed_in_full(system: System, variance: Variance) -> None:
    await system.send(*(identify(1, userId=f"u{number}", traits={"email": "info@x.example"}) for number in range(30)))
    failure = (await variance("explain", "contact", "info@x.example")).failure
    assert failure.count("in 'default'") == 10
    assert failure.endswith("and more")


@pytest.mark.parametrize("id_", ["nobody", "nobody@x.example", "00000000-0000-0000-0000-000000000000", "", "a\nb"])
async def test_who_is_unknown_is_told_in_one_line(system: System, variance: Variance, id_: str) -> None:
    await system.send(identify(userId="somebody"))
    failure = (await variance("explain", "contact", id_, "--workspace", "default")).failure
    assert failure == f"variance: no contact has the id, identity or e-mail address {id_!r} in the workspace 'default'"


async def test_a_deleted_person_is_unknown(system: System, variance: Variance) -> None:
    await system.send(identify(1, userId="u"))
    ((id_,),) = await system.rows("contacts", "id")
    await system.send({"type": "delete", "userId": "u", "messageId": "d"})
    assert "no contact has" in (await variance("explain", "contact", str(id_))).failure


async def test_a_visitor_without_a_user_is_explained_by_itself(system: System, variance: Variance) -> None:
    await system.send(track("visit", 1, anonymousId="a"))
    told = await explained(variance, "a")
    assert (told["external_id"], told["naming_alias"], told["account"]) == (None, None, None)
    assert [(m["value"], m["kind"], m["link"]) for m in told["members"]] == [("a", "anonymous", None)]
    assert "no userId is known" in (await variance("explain", "contact", "a")).out


async def test_withdrawn_links_are_shown_on_both_sides(system: System, variance: Variance) -> None:
    await system.send(
        track("visit", 1, anonymousId="a", userId="p", messageId="claim"),
        alias("p", "u", 2, messageId="alias"),
        alias("p", "u", 3, messageId="again"),
    )
    for message_id in ("claim", "alias", "again"):
        assert (await variance("unlink", message_id)).exit_code == 0
    why = ("withdrawn", "the link was withdrawn")
    told = {id_: await explained(variance, id_) for id_ in ("a", "p", "u")}
    assert {id_: idle(one) for id_, one in told.items()} == {
        "a": [("claim", "a", "p", "claim", *why)],
        "p": [("claim", "a", "p", "claim", *why), ("alias", "p", "u", "alias", *why),
              ("alias", "p", "u", "again", *why)],
        "u": [("alias", "p", "u", "alias", *why), ("alias", "p", "u", "again", *why)],
    }  # fmt: skip
    assert [one["other_external_id"] for one in told["a"]["idle_links"]] == ["p"]
    assert all(datetime.fromisoformat(one["withdrawn_at"]).year > 2020 for one in told["p"]["idle_links"])
    assert (await variance("unlink", "claim", "--undo")).exit_code == 0
    assert [m["value"] for m in (await explained(variance, "p"))["members"]] == ["p", "a"]


async def test_aliases_that_link_nothing_and_users_used_as_visitors_say_why(system: System, variance: Variance) -> None:
    await system.send(
        identify(1, userId="u"),
        identify(1, userId="visitor-like"),
        alias("null", "u", 2, messageId="nobody"),
        alias("u", "u", 3, messageId="itself"),
        track("visit", 4, anonymousId="visitor-like", userId="u", messageId="user-as-visitor"),
    )
    told = await explained(variance, "u")
    assert idle(told) == [
        ("alias", "null", "u", "nobody", "refused", "the previousId identifies nobody"),
        ("alias", "u", "u", "itself", "recorded", "the previousId is the userId"),
        ("claim", "visitor-like", "u", "user-as-visitor", "refused", "the anonymousId is itself a userId"),
    ]
    assert await refusals(system) == {(*one[1:4], one[5]) for one in idle(told) if one[4] == "refused"}


async def test_people_get_tables_with_all_of_it(person: System, variance: Variance) -> None:
    assert person
    ended = await variance("explain", "contact", "phone")
    assert (ended.exit_code, ended.err) == (0, "")
    titles = ("Members", "Links that do not hold it together", "Account", "Traits")
    cells = ("claim phone → old", "alias old → new, rename-again main", "First Inc.", "crm", "stranger-later", '"true"')
    assert [expected for expected in (*titles, *cells) if expected not in ended.out] == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("explain_contact", "1, '00000000-0000-0000-0000-000000000000'"),
        ("explain_claims", "1, '{}'"),
        ("explain_outsiders", "1, '{}'"),
        ("explain_withdrawals", "1, '{}'"),
        ("explain_accounts", "1, '{}'"),
        ("explain_connections", "1"),
    ],
)
async def test_each_statement_reads_by_index(system: System, name: str, arguments: str) -> None:
    await system.database.execute("SET enable_seqscan = off")
    await system.database.execute("SET plan_cache_mode = force_generic_plan")
    await system.database.execute(f"PREPARE reading AS {statement(name)}")
    plan = "\n".join(row[0] for row in await system.database.fetch(f"EXPLAIN EXECUTE reading ({arguments})"))
    assert "Seq Scan" not in plan, plan
    assert "workspace_id = $1" in plan, plan
