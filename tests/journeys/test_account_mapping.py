"""What the destination's documentation promises under "Account Mapping"."""

from datetime import datetime

import pytest

from tests.journeys.messages import at, group, identify, track
from tests.system import System


async def accounts(system: System) -> list[tuple[str, str, str]]:
    return await system.rows("accounts", "source, key, name")


async def test_group_puts_the_sender_into_the_account_of_its_latest_group_call(system: System) -> None:
    await system.send(group("g2", 2, userId="u1"))
    await system.send(group("g1", 1, userId="u1", traits={"name": "First"}))
    assert await accounts(system) == [("group", "g1", "First"), ("group", "g2", "g2")]
    assert (await system.contacts())["u1"]["account"] == "g2"


async def test_the_users_traits_in_a_group_calls_context_are_not_the_accounts(system: System) -> None:
    context = {"traits": {"name": "Jane", "email": "jane@user.example"}}
    await system.send(group("g1", 1, userId="u1", context=context))
    await system.send(group("g2", 2, userId="u1", context=context, traits={}))
    assert await accounts(system) == [("group", "g1", "g1"), ("group", "g2", "g2")]
    assert await system.rows("accounts", "traits") == [("{}",), ("{}",)]


async def test_a_group_calls_name_is_known_in_any_case(system: System) -> None:
    await system.send(group("g1", 1, userId="u1", traits={"Name": "Initech"}))
    assert await accounts(system) == [("group", "g1", "Initech")]
    await system.send(group("g1", 2, userId="u1", traits={"NAME": "Hooli", "name": "Acme"}))
    assert await accounts(system) == [("group", "g1", "Acme")]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "g1"), (" \t\n", "g1"), ("\u3000\u00a0\x1f", "g1"), (True, "g1"), (["Acme"], "g1"), ({"x": "Acme"}, "g1"),
        (None, "g1"), (42, "42"), (" Acme ", " Acme "),
    ],
)  # fmt: skip
async def test_a_name_that_is_blank_or_no_text_gives_way_to_the_key(system: System, name: object, shown: str) -> None:
    await system.send(group("g1", 1, userId="u1", traits={"name": name}))
    assert await accounts(system) == [("group", "g1", shown)]


async def test_a_numeric_group_id_is_an_id(system: System) -> None:
    await system.send(group(42, userId="u1"))
    assert await accounts(system) == [("group", "42", "42")]


async def test_an_event_belongs_to_the_account_that_its_context_names(system: System) -> None:
    await system.send(
        group("home", 1, userId="u1"),
        track("There", 2, userId="u1", context={"groupId": "away"}),
        track("Here", 3, userId="u1"),
    )
    rows = await system.database.fetch(
        "SELECT e.name, a.key FROM variance.events e JOIN variance.accounts a ON a.id = e.account_id"
    )
    assert {row["name"]: row["key"] for row in rows} == {"There": "away", "Here": "home"}
    assert (await system.contacts())["u1"]["account"] == "home"


async def test_traits_give_the_account_by_id_and_name(system: System) -> None:
    connection = await system.connect("traits", accounts="traits")
    await system.send(
        identify(userId="u1", traits={"company": {"id": 1, "name": "Awesome Inc."}}), connection=connection
    )
    assert await accounts(system) == [("traits", "1", "Awesome Inc.")]
    assert (await system.contacts())["u1"]["account"] == "1"


@pytest.mark.parametrize(
    ("traits", "expected"),
    [
        ({"company": {"name": "Only Name"}}, ("traits", "Only Name", "Only Name")),
        ({"company.id": "c-9", "company.name": "Literal"}, ("traits", "c-9", "Literal")),
        ({"company": {"id": 7.0}}, ("traits", "7", "7")),
        ({"company": "just text", "email": "a@widgets.example"}, ("email", "widgets.example", "widgets.example")),
        ({"company": {"id": True, "name": None}, "email": "a@b.example"}, ("email", "b.example", "b.example")),
        ({"company": {"id": "null", "name": " NULL "}, "email": "a@b.com"}, ("email", "b.com", "b.com")),
        ({"company": {"id": 0, "name": "Acme"}}, ("traits", "Acme", "Acme")),
        ({"company": {"id": "c-9", "name": "undefined"}}, ("traits", "c-9", "c-9")),
    ],
)
async def test_traits_are_read_in_every_form_that_they_come_in(
    system: System, traits: dict[str, object], expected: tuple[str, str, str]
) -> None:
    connection = await system.connect("traits", accounts="traits")
    await system.send(identify(userId="u1", traits=traits), connection=connection)
    assert await accounts(system) == [expected]


@pytest.mark.parametrize(
    "company",
    [
        {"id": "undefined", "name": "undefined"}, {"id": None, "name": "[object Object]"}, {"name": "N/A"},
        {"id": "-1", "name": 0},
    ],
)  # fmt: skip
async def test_a_name_that_is_no_name_makes_no_account(system: System, company: dict[str, object]) -> None:
    connection = await system.connect("traits", accounts="traits")
    await system.send(identify(userId="u1", traits={"company": company}), connection=connection)
    assert await accounts(system) == []


async def test_a_name_that_is_no_name_takes_none_away(system: System) -> None:
    connection = await system.connect("traits", accounts="traits")
    for minute, name in enumerate(["Acme", "null"]):
        company = {"id": "c-9", "name": name}
        await system.send(identify(minute, userId="u1", traits={"company": company}), connection=connection)
    assert await accounts(system) == [("traits", "c-9", "Acme")]


async def test_other_trait_paths_can_be_configured(system: System) -> None:
    connection = await system.connect(
        "paths", accounts="traits", account_id_trait="org.key", account_name_trait="org_name"
    )
    await system.send(identify(userId="u1", traits={"org": {"key": "k"}, "org_name": "N"}), connection=connection)
    assert await accounts(system) == [("traits", "k", "N")]


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("jane@acme.com", "acme.com"),
        ("Jane@Mail.ACME.co.uk ", "acme.co.uk"),
        ("jane@gmail.com", None),
        ("jane@localhost", None),
        ("jane@127.0.0.1", None),
        ("Jane <jane@acme.com>", None),
        ("jane@-acme-.com", None),
        (f"jane@{'a' * 64}.com", None),
        ("jane@müller.de", "müller.de"),
        ("jane@mail.XN--MLLER-KVA.de.", "müller.de"),
        ("jane@xn--j2bd4cyah0f.xn--h2brj9c", "हिन्दी.भारत"),
        ("jane@xn--9a9a.de", "xn--9a9a.de"),
        ("not an address", None),
        (17, None),
    ],
)
async def test_email_gives_the_registrable_domain_as_account(system: System, email: object, key: str | None) -> None:
    connection = await system.connect("email", accounts="email")
    await system.send(identify(userId="u1", traits={"email": email}), connection=connection)
    assert [row[1] for row in await accounts(system)] == ([key] if key else [])
    contact = (await system.contacts())["u1"]
    assert (contact["account"], contact["traits"]["email"]) == (key, email)


async def test_a_mail_provider_makes_an_account_where_the_connection_says_so(system: System) -> None:
    connection = await system.connect("email", accounts="email", mail_provider_accounts=True)
    await system.send(identify(userId="u1", traits={"email": "jane@gmail.com"}), connection=connection)
    assert await accounts(system) == [("email", "gmail.com", "gmail.com")]


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("a@own.example", None), ("a@mail.own.example", None), ("a@gmail.com", "gmail.com"),
        ("a@bücher.example", None), ("a@xn--bcher-kva.example", None),
    ],
)  # fmt: skip
async def test_a_connection_may_exclude_and_include_domains(system: System, email: str, key: str | None) -> None:
    connection = await system.connect("email", accounts="email")
    await system.database.execute(
        """UPDATE variance_data.connections SET excluded_domains = '{own.example,xn--bcher-kva.example}',
            included_domains = '{gmail.com}'
        WHERE id = $1""",
        connection,
    )
    await system.send(identify(userId="u1", traits={"email": email}), connection=connection)
    assert (await system.contacts())["u1"]["account"] == key


async def test_email_is_the_fallback_until_the_own_method_has_evidence(system: System) -> None:
    await system.send(identify(5, userId="u1", traits={"email": "jane@acme.com"}))
    assert (await system.contacts())["u1"]["account"] == "acme.com"
    await system.send(group("g1", 1, userId="u1"))
    assert (await system.contacts())["u1"]["account"] == "g1"
    assert await accounts(system) == [("group", "g1", "g1")], "nobody is in the fallback's account any more"


async def test_a_stay_says_which_account_it_was_though_nobody_is_in_it_any_more(system: System) -> None:
    await system.send(
        identify(1, userId="u1", traits={"email": "jane@acme.com"}),
        identify(2, userId="u1", traits={"email": "jane@beta.com"}),
        group("g1", 3, userId="u2"),
    )
    assert await accounts(system) == [("email", "beta.com", "beta.com"), ("group", "g1", "g1")]
    stays = await system.rows("account_memberships", "account_source, account_key, since, until")
    first, second, third = (datetime.fromisoformat(at(minute)) for minute in (1, 2, 3))
    assert stays == [
        ("email", "acme.com", first, second), ("email", "beta.com", second, None), ("group", "g1", third, None)
    ]  # fmt: skip


async def test_the_fallback_can_be_switched_off(system: System) -> None:
    connection = await system.connect("strict", accounts="group", email_fallback=False)
    await system.send(identify(userId="u1", traits={"email": "jane@acme.com"}), connection=connection)
    assert await accounts(system) == []


async def test_a_group_call_makes_no_account_under_another_method(system: System) -> None:
    connection = await system.connect("traits", accounts="traits")
    await system.send(group("g1", userId="u1"), connection=connection)
    assert await accounts(system) == []
    assert await system.ledger() == {"applied": 1, "duplicate": 0, "suppressed": 0, "dead": 0}


async def test_connections_of_a_workspace_share_contacts_and_workspaces_share_nothing(system: System) -> None:
    other = await system.connect("other", accounts="email")
    foreign = await system.connect("main", workspace="elsewhere")
    await system.send(identify(1, userId="u1", traits={"a": 1}))
    await system.send(identify(2, userId="u1", traits={"b": 2}), connection=other)
    await system.send(identify(3, userId="u1", traits={"c": 3}), connection=foreign)
    rows = await system.rows("contacts", "workspace, external_id, traits::text")
    assert rows == [("default", "u1", '{"a": 1, "b": 2}'), ("elsewhere", "u1", '{"c": 3}')]
