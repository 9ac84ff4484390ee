"""Adding connections and changing them, alone and by two at once."""

import html
import re
from collections.abc import Awaitable, Callable

import pytest

from schemas.connection import secret_sha256
from tests.console.running import Answer, Console, Operator, running_console
from tests.journeys.messages import group, identify
from tests.publishing import publishing_held
from tests.system import System
from tests.waiting import eventually
from worker.console.connection_form import ConnectionForm, read_form_rules
from worker.console.preview import no_domain_reason, preview
from worker.fold.account_rules import AccountRules
from worker.store.locks import REBUILD_LOCK, take_lock


def secret_of(answer: Answer) -> str:
    match = re.search(r'<code id="secret">([^<]+)</code>', answer.text)
    assert match
    return html.unescape(match[1])


async def test_a_new_connections_secret_is_shown_once_and_opens_it(console: Console, system: System) -> None:
    ada = await console.operator()
    added = await ada.post("/connections", {"name": "Web app", "accounts": "traits", "account_id_trait": "org.id"})
    assert added.status == 200
    secret = secret_of(added)
    id_ = re.search(r"/webhook/(\w+)<", added.text)[1]  # type: ignore[index] # or the test has failed
    system.secrets[id_] = secret
    assert secret not in (await ada.get(f"/connections/{id_}")).text
    assert "Waiting" in (await ada.get(f"/connections/{id_}/light")).text
    message = identify(userId="u", traits={"org": {"id": 7}, "company": {"name": "Initech"}})

    async def is_known() -> bool:
        return await system.post(f"/webhook/{id_}", message, id_) == 200

    await eventually(is_known, "the endpoint to know the new connection")
    await system.settled()
    assert "It works" in (await ada.get(f"/connections/{id_}/light")).text
    assert (await system.contacts())["u"]["account"] == "7"
    assert ("ada", "added the connection", "Web app") in await console.audited()
    assert secret not in repr(await console.database.fetch("SELECT * FROM variance_data.audit_log"))


async def test_wrong_forms_come_back_with_what_is_wrong(console: Console) -> None:
    ada = await console.operator()
    answer = await ada.post("/connections", {"name": "<b>x</b>" * 20, "accounts": "guess", "excluded_domains": "a@b"})
    assert answer.status == 422
    assert "A name has 1 to 100" in answer.text
    assert "Choose one of the three" in answer.text
    assert "no domain such as" in answer.text
    assert "<b>" not in answer.text
    await ada.post("/connections", {"name": "same", "accounts": "email"})
    assert "choose another" in (await ada.post("/connections", {"name": "same", "accounts": "email"})).text
    assert await console.database.fetchval("SELECT count(*) FROM variance_data.connections") == 1


async def add(operator: Operator, name: str = "main") -> str:
    """Add a connection; give its path."""
    added = await operator.post("/connections", {"name": name, "accounts": "group"})
    return re.search(r'data-place="([^"]+)"', added.text)[1]  # type: ignore[index] # or the test has failed


async def test_of_two_operators_at_once_the_second_is_told(console: Console) -> None:
    ada, bea = await console.operator("ada"), await console.operator("bea")
    path = await add(ada)
    seen_by_ada, seen_by_bea = await ada.get(path), await bea.get(path)
    rotation = {"overlap": "24", "version": seen_by_ada.value("version")}
    assert (await ada.post(f"{path}/secret", rotation)).status == 200
    late = {"overlap": "0", "version": seen_by_bea.value("version")}
    refused = await bea.post(f"{path}/secret", late)
    assert refused.status == 409
    assert "Nothing was done" in refused.text
    switch = {"is_enabled": "no", "version": (await bea.get(path)).value("version")}
    assert (await bea.post(f"{path}/enabled", switch)).status == 303
    assert "Disabled" in (await ada.get(path)).text
    assert [(who, what) for who, what, _ in await console.audited() if what != "signed in"] == [
        ("ada", "added the connection"), ("ada", "rotated the secret"), ("bea", "disabled"),
    ]  # fmt: skip


async def test_a_secret_is_shown_though_publishing_it_fails(console: Console, database_url: str) -> None:
    ada = await console.operator()
    async with publishing_held(database_url):
        added = await ada.post("/connections", {"name": "main", "accounts": "group"})
    path = re.search(r'data-place="([^"]+)"', added.text)[1]  # type: ignore[index] # or the test has failed
    rotation = {"overlap": "0", "version": (await ada.get(path)).value("version")}
    async with publishing_held(database_url):
        rotated = await ada.post(f"{path}/secret", rotation)
    for answer in (added, rotated):
        assert answer.status == 200
        assert "could not be told of this secret just now" in answer.text
    assert await kept_digest(console) == secret_sha256(secret_of(rotated))
    rotation["version"] = (await ada.get(path)).value("version")
    assert "could not be told" not in (await ada.post(f"{path}/secret", rotation)).text


async def test_a_secret_is_shown_while_redis_is_away(database_url: str) -> None:
    async with running_console("redis://127.0.0.1:1/0", database_url) as console:
        added = await (await console.operator()).post("/connections", {"name": "main", "accounts": "group"})
        assert "could not be told of this secret just now" in added.text
        assert await kept_digest(console) == secret_sha256(secret_of(added))


async def kept_digest(console: Console) -> str:
    digest: str = await console.database.fetchval("SELECT secret_sha256 FROM variance_data.connections")
    return digest


async def test_a_change_of_method_is_tried_before_it_is_done(console: Console, system: System) -> None:
    await system.send(group("acme", userId="u"), identify(userId="u", traits={"email": "u@initech.example"}))
    ada = await console.operator()
    path = "/connections/defaultmain"
    form = {"accounts": "email", "version": (await ada.get(f"{path}/rules")).value("version")}
    trial = (await ada.post(f"{path}/rules", form)).location

    async def is_tried() -> bool:
        return "would change" in (await ada.get(trial, **{"HX-Request": "true"})).text

    await eventually(is_tried, "the dry run to be done")
    shown = await ada.get(trial)
    assert "<strong>1 contact would change its account</strong>" in shown.text
    assert (await system.contacts())["u"]["account"] == "acme"
    done = (await ada.post(trial, {"version": shown.value("version")})).location

    async def is_done() -> bool:
        return "1 contact changed its account" in (await ada.get(done)).text

    await eventually(is_done, "the change to be done")
    assert (await system.contacts())["u"]["account"] == "initech.example"
    assert (await ada.post(trial, {"version": shown.value("version")})).status == 409


CHANGED = "changed how accounts are matched"


async def test_a_change_of_method_that_another_rebuild_keeps_out_is_not_said_to_be_made(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.rebuild._LOCK_SECONDS", 0)
    ada = await console.operator()
    path = await add(ada)
    trial, version = await tried(ada, path)
    async with console.database.transaction():
        assert await take_lock(console.database, REBUILD_LOCK)
        done = (await ada.post(trial, {"version": version})).location
        await eventually(shows(ada, done, "another rebuild is under way"), "the change to be refused")
    assert CHANGED not in [what for _, what, _ in await console.audited()]
    assert await console.database.fetchval("SELECT account_method FROM variance_data.connections") == "group"
    again = (await ada.post(trial, {"version": version})).location
    await eventually(shows(ada, again, "0 contacts changed"), "the change to be done")
    assert (await console.audited())[-1] == ("ada", CHANGED, "main")
    assert await console.database.fetchval("SELECT account_method FROM variance_data.connections") == "email"


async def test_a_change_of_method_is_not_made_to_what_somebody_else_changes_before_it_begins(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.rebuild._LOCK_SECONDS", 20)
    ada, bea = await console.operator("ada"), await console.operator("bea")
    path = await add(ada)
    trial, version = await tried(ada, path)
    async with console.database.transaction():
        assert await take_lock(console.database, REBUILD_LOCK)
        done = (await ada.post(trial, {"version": version})).location
        assert (await bea.post(f"{path}/enabled", {"is_enabled": "no", "version": version})).status == 303
    await eventually(shows(ada, done, "Somebody else changed main meanwhile"), "the change to be refused")
    assert (await console.audited())[-1] == ("bea", "disabled", "main")
    assert await console.database.fetchval("SELECT account_method FROM variance_data.connections") == "group"


async def tried(operator: Operator, path: str) -> tuple[str, str]:
    """Try to match by e-mail; give the trial's path, and the version that it was tried on."""
    version = (await operator.get(f"{path}/rules")).value("version")
    trial = (await operator.post(f"{path}/rules", {"accounts": "email", "version": version})).location
    await eventually(shows(operator, trial, "contacts would change"), "the dry run to be done")
    return trial, version


def shows(operator: Operator, path: str, text: str) -> Callable[[], Awaitable[bool]]:
    """Give what holds once a page shows this."""

    async def is_shown() -> bool:
        return text in (await operator.get(path)).text

    return is_shown


def test_a_form_says_all_that_the_rules_can_say() -> None:
    rules = AccountRules(
        "traits", "org.id", "org.name", email_fallback=False, mail_provider_accounts=True,
        excluded_domains=frozenset({"a.com", "b.com"}), included_domains=frozenset({"gmail.com"}),
    )  # fmt: skip
    form = ConnectionForm.of_rules(rules)
    read = read_form_rules(form, with_name=False)
    assert (read.rules, read.faults) == (rules, {})


@pytest.mark.parametrize(
    ("text", "rules", "account"),
    [
        ('{"company": {"id": 1, "name": "Awesome Inc."}}', AccountRules("traits"), ("1", "Awesome Inc.", "traits")),
        ('{"traits": {"email": "x@acme.example"}}', AccountRules("group"), ("acme.example", "acme.example", "email")),
        ('{"email": "x@XN--bcher-KVA.example"}', AccountRules("email"), ("bücher.example", "bücher.example", "email")),
        ('{"groupId": "g", "traits": {"name": "G"}}', AccountRules("group"), ("g", "G", "group")),
        ('{"email": "x@gmail.com"}', AccountRules("email"), None),
        ('{"groupId": "g"}', AccountRules("email"), None),
    ],
)
def test_a_sample_shows_its_account(text: str, rules: AccountRules, account: tuple[str, str, str] | None) -> None:
    shown = preview(text, rules)
    assert shown is not None
    assert shown.fault is None
    if account is None:
        assert (shown.account_key, bool(shown.reasons)) == (None, True)
    else:
        assert (shown.account_key, shown.account_name, shown.source) == account


def test_domains_are_typed_and_judged_in_any_form() -> None:
    form = ConnectionForm(accounts="email", excluded_domains="xn--bcher-kva.example, Straße.example")
    rules = read_form_rules(form, with_name=False).rules
    assert rules.excluded_domains == {"bücher.example", "straße.example"}
    for email in ("x@Bücher.example", "x@XN--BCHER-KVA.example."):
        assert no_domain_reason(email, rules) == "bücher.example is excluded"


@pytest.mark.parametrize("text", ["{", "[1]", '{"type": "track"}', '{"type": "identify", "userId": {}}', '"\\ud800"'])
def test_a_wrong_sample_shows_what_is_wrong(text: str) -> None:
    shown = preview(text, AccountRules("group"))
    assert shown is not None
    assert shown.fault
