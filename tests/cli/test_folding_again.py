from tests.cli.command import Variance
from tests.journeys.messages import alias, group, identify
from tests.system import System


async def test_an_alias_is_withdrawn_and_given_back(system: System, variance: Variance) -> None:
    await system.send(
        identify(1, userId="old", traits={"a": 1}),
        identify(2, userId="new", traits={"b": 2}),
        alias("old", "new", 3, messageId="the-alias"),
    )
    assert list(await system.contacts()) == ["new"]
    told = (await variance("unlink", "the-alias", "--json")).json
    assert told == {"message_id": "the-alias", "connection": "main", "workspace": "default", "link": "withdrawn"}
    assert {name: contact["traits"] for name, contact in (await system.contacts()).items()} == {
        "old": {"a": 1},
        "new": {"b": 2},
    }
    assert await system.rows("merges", "outcome, reason") == [("refused", "the link was withdrawn")]
    await variance("unlink", "the-alias", "--undo")
    assert list(await system.contacts()) == ["new"]


async def test_a_message_of_several_workspaces_is_unlinked_in_the_one_that_is_named(
    system: System, variance: Variance
) -> None:
    await system.connect("main", workspace="other")
    for connection in ("defaultmain", "othermain"):
        await system.send(alias("p", "u", 1, messageId="the-alias"), connection=connection)
    words = ("unlink", "the-alias", "--connection", "main")
    assert "main of default, main of other" in (await variance(*words)).wrong_usage
    assert (await variance(*words, "--workspace", "other", "--json")).json["workspace"] == "other"
    outcomes = await system.rows("merges", "workspace, reason")
    assert sorted(outcomes) == [("default", "neither was known"), ("other", "the link was withdrawn")]


async def test_only_a_message_with_a_link_can_be_unlinked(system: System, variance: Variance) -> None:
    await system.send(identify(userId="u", messageId="plain"))
    assert "made no link" in (await variance("unlink", "plain")).failure
    assert "no message" in (await variance("unlink", "never-seen")).failure


async def test_a_rebuild_repairs_what_is_damaged_and_a_dry_run_only_tells(system: System, variance: Variance) -> None:
    await system.send(group("g1", userId="u", traits={"name": "Initech"}))
    await system.database.execute("DELETE FROM variance_data.accounts")
    told = (await variance("rebuild", "--dry-run", "--json")).json
    assert (told["dry_run"], told["rows"]["accounts"], told["rows"]["contacts"]) == (True, 1, 0)
    assert await system.rows("accounts") == []
    assert (await variance("rebuild")).exit_code == 0
    assert await system.rows("accounts", "key, name") == [("g1", "Initech")]
    assert set((await variance("rebuild", "--json")).json["rows"].values()) == {0}


async def test_another_account_method_moves_the_contacts_that_it_should(system: System, variance: Variance) -> None:
    await system.send(identify(1, userId="u", traits={"email": "u@acme.example"}), group("g1", 2, userId="u"))
    change = ("connections", "change", "main", "--accounts", "email", "--json")
    told = (await variance(*change, "--dry-run")).json
    assert told["moved_contacts"] == 1
    assert told["examples"][0] | {"contact_id": ""} == {
        "contact_id": "", "external_id": "u", "account": "g1", "source": "group",
        "new_account": "acme.example", "new_source": "email",
    }  # fmt: skip
    assert (await system.contacts())["u"]["account"] == "g1"
    await variance(*change)
    assert (await system.contacts())["u"]["account"] == "acme.example"
    assert await system.rows("accounts", "source, key") == [("email", "acme.example")]
    await system.send(group("g2", 3, userId="u"))
    assert (await system.contacts())["u"]["account"] == "acme.example", "what comes later follows the new rules"


async def test_a_change_of_nothing_is_wrong_usage(system: System, variance: Variance) -> None:
    assert system.secrets
    assert (await variance("connections", "change", "main")).exit_code == 2
