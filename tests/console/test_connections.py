"""Adding connections and changing them, alone and by two at once."""

import html
import re

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
