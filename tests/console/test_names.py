"""What accounts and contacts are called, on every page alike."""

from typing import Any

from tests.console.running import Console
from tests.journeys.messages import group, identify
from tests.system import System


async def test_every_page_calls_an_account_what_the_view_does(console: Console, system: System) -> None:
    personas = {"computation_key": "buyers", "computation_class": "audience"}
    context = {"personas": personas}
    for key, name in {"blank-1": " ", "odd-1": {"odd": 1}, "numbered-1": 42, "named-1": "Initech"}.items():
        traits = {"name": name, "buyers": True}
        await system.send(group(key, userId=f"of-{key}", messageId=f"m-{key}", traits=traits, context=context))
        await system.send(identify(1, userId=f"of-{key}", traits={"email": "x@gmail.com"}))
    await console.until_words_are_read()
    ada = await console.operator()
    accounts = await system.database.fetch("SELECT id, key, name FROM variance.accounts ORDER BY key")
    contacts = {row["account_id"]: row["id"] for row in await system.database.fetch("SELECT * FROM variance.contacts")}
    assert [row["name"] for row in accounts] == ["blank-1", "Initech", "42", "odd-1"]
    for row in accounts:
        assert f"<h1>{row['name']}</h1>" in (await ada.get(f"/accounts/1/{row['id']}")).text
        link = f'<a href="/accounts/1/{row["id"]}">{row["name"]}</a>'
        for path in (
            "/accounts", "/accounts?view=all", f"/accounts?q={row['key']}", "/audience?name=buyers",
            "/contacts", "/contacts?view=all", f"/contacts?q=of-{row['key']}",
            f"/contacts/1/{contacts[row['id']]}", f"/message?connection=main&id=m-{row['key']}",
        ):  # fmt: skip
            assert link in (await ada.get(path)).text, path


async def test_an_audiences_page_calls_a_contact_what_its_own_page_does(console: Console, system: System) -> None:
    context = {"personas": {"computation_key": "buyers", "computation_class": "audience"}}
    names: list[dict[str, Any]] = [{"name": " "}, {"name": {"odd": 1}}, {"firstName": "Ada", "lastName": "Lovelace"}]
    for number, named in enumerate(names):
        await system.send(identify(number, userId=f"u{number}", traits=named | {"buyers": True}, context=context))
    ada = await console.operator()
    page = (await ada.get("/audience?name=buyers")).text
    for row in await system.database.fetch("SELECT id, external_id FROM variance.contacts"):
        name = "Ada Lovelace" if row["external_id"] == "u2" else row["external_id"]
        assert f"<h1>{name}</h1>" in (await ada.get(f"/contacts/1/{row['id']}")).text
        assert f'<a href="/contacts/1/{row["id"]}">{name}</a>' in page
