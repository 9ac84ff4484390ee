"""Every text that ever broke a program goes through every field, to the views: unchanged, or as the README says."""

import gzip
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from schemas.ids import is_no_id
from tests.journeys.messages import message
from tests.naughty import TEXTS
from tests.system import System
from worker.fold.account_rules import AccountRules
from worker.names import check_name
from worker.new_connection import make_connection
from worker.publish import publish_connections

_IN_A_POST = 150
_LONGEST_KEY = 200
Make = Callable[[int, str], dict[str, Any]]


def stored(value: Any) -> Any:
    """Give a value as the README says that it is stored."""
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {stored(key): stored(item) for key, item in value.items()}
    return [stored(item) for item in value] if isinstance(value, list) else value


IDS = [text for text in TEXTS if not is_no_id(stored(text))]
WORDS = [text for text in TEXTS if text.strip()]


async def post_all(system: System, field: str, make: Make, texts: Iterable[str], **rules: Any) -> None:
    """Send a message for each text into a workspace of the field's own, once escaped and once in UTF-8 where it can."""
    connection = await system.connect("all", workspace=field, **rules)
    messages = [message("track", messageId=f"{field}-{n}", event="e") | make(n, text) for n, text in enumerate(texts)]
    for start in range(0, len(messages), _IN_A_POST):
        is_escaped = start // _IN_A_POST % 2 == 0
        body = json.dumps({"batch": messages[start : start + _IN_A_POST]}, ensure_ascii=is_escaped)
        data = body.encode(errors="surrogatepass") if is_escaped else _with_surrogates_escaped(body)
        headers = system.authorization(connection)
        async with system.http.post(f"{system.base_url}/v1/batch", data=gzip.compress(data), headers=headers) as answer:
            assert answer.status == 200, await answer.text()


def _with_surrogates_escaped(body: str) -> bytes:
    return re.sub("[\ud800-\udfff]", lambda lone: f"\\u{ord(lone[0]):04x}", body).encode()


def nested(text: str) -> dict[str, Any]:
    return {text: text, "in": [{text: [text]}]}


FIELDS: dict[str, Make] = {
    "user": lambda _, text: {"type": "identify", "userId": text, "traits": {text: text}},
    "anonymous": lambda _, text: {"anonymousId": text},
    "event": lambda _, text: {"userId": "u", "event": text, "properties": nested(text), "context": nested(text)},
    "messageid": lambda _, text: {"userId": "u", "messageId": text},
    "page": lambda _, text: {"type": "page", "userId": "u", "name": text, "category": text},
    "group": lambda n, text: {"type": "group", "userId": f"u{n}", "groupId": text, "traits": {text: text}},
    "groupname": lambda n, text: {"type": "group", "userId": "u", "groupId": f"g{n}", "traits": {"name": text}},
    "previous": lambda n, text: {"type": "alias", "previousId": text, "userId": f"u{n}"},
    "aliased": lambda n, text: {"type": "alias", "previousId": f"u{n}", "userId": text},
    "company": lambda n, text: {
        "type": "identify", "userId": f"u{n}", "traits": {"company": {"id": text, "name": text}},
    },
    "email": lambda n, text: {"type": "identify", "userId": f"u{n}", "traits": {"email": text}},
    "audience": lambda n, text: {
        "type": "identify", "userId": f"u{n}", "traits": {text: True},
        "context": {"personas": {"computation_class": "audience", "computation_key": text}},
    },
    "dead": lambda _, text: {"type": "dance", "userId": text, "event": text, "x": nested(text)},
}  # fmt: skip
"""Where the text stands in a message. Each has a workspace of its own, so that it meets no other."""

RULES: dict[str, dict[str, Any]] = {
    "company": {"accounts": "traits", "email_fallback": False},
    "email": {"email_fallback": False},
}


async def test_every_text_in_every_field_comes_back_unchanged_or_as_the_readme_says(system: System) -> None:
    for field, make in FIELDS.items():
        await post_all(system, field, make, TEXTS, **RULES.get(field, {}))
    await system.settled()

    await check_contacts(system)
    await check_events(system)
    await check_accounts(system)
    await check_links(system)
    await check_dead_letters(system)


async def check_contacts(system: System) -> None:
    ids = {stored(text) for text in IDS}
    traits = await by_key(system, "contacts", "user", "external_id, traits")
    assert {key: json.loads(found) for key, found in traits.items()} == {text: {text: text} for text in ids}
    assert await column(system, "identities", "anonymous", "value") == ids
    emails = await by_key(system, "contacts", "email", "external_id, email")
    assert emails == {f"u{n}": stored(text) for n, text in enumerate(TEXTS)}
    audiences = {fitting(stored(text)) for text in TEXTS if text}
    assert {fitting(key) for key in await column(system, "audience_memberships", "audience", "audience")} == audiences


async def check_events(system: System) -> None:
    sent = {f"event-{n}": text for n, text in enumerate(TEXTS) if text.strip()}
    names = await by_key(system, "events", "event", "message_id, name")
    assert names == {key: stored(text) for key, text in sent.items()}
    for said in ("properties", "context"):
        objects = await by_key(system, "events", "event", f"message_id, {said}")
        assert {key: json.loads(found) for key, found in objects.items()} == {
            key: stored(nested(text)) for key, text in sent.items()
        }
    pages = await by_key(system, "events", "page", "message_id, name")
    assert pages == {f"page-{n}": stored(text) for n, text in enumerate(TEXTS)}
    message_ids = {fitting(key) for key in await column(system, "events", "messageid", "message_id")}
    assert {fitting(stored(text)) for text in WORDS} <= message_ids


async def check_accounts(system: System) -> None:
    keys = {stored(text).strip() for text in IDS}
    accounts = await by_key(system, "accounts", "group", "key, traits")
    assert accounts.keys() == keys
    for text in map(stored, IDS):
        assert json.loads(accounts[text.strip()])[text] == text
    names = await by_key(system, "accounts", "groupname", "key, name")
    assert names == {f"g{n}": stored(text) if stored(text).strip() else f"g{n}" for n, text in enumerate(TEXTS)}
    companies = await by_key(system, "accounts", "company", "key, name")
    assert companies == {key: key for key in keys}


async def check_links(system: System) -> None:
    words = {stored(text) for text in WORDS}
    assert await column(system, "merges", "previous", "previous_id") == words
    assert await column(system, "merges", "aliased", "user_id") == words


async def check_dead_letters(system: System) -> None:
    bodies = await by_key(system, "dead_letters", "dead", "message_id, body")
    for n, text in enumerate(TEXTS):
        sent = {"userId": text, "event": text, "x": nested(text)}
        assert json.loads(bodies[f"dead-{n}"]).items() >= stored(sent).items()


async def by_key(system: System, view: str, workspace: str, columns: str) -> dict[Any, Any]:
    rows = await system.rows(f"{view} WHERE workspace = '{workspace}'", columns)
    return {key: value for key, value in rows}  # noqa: C416 (each row is a pair)


async def column(system: System, view: str, workspace: str, name: str) -> set[Any]:
    return {value for (value,) in await system.rows(f"{view} WHERE workspace = '{workspace}'", name)}


def fitting(text: str) -> str:
    """Give what a messageId or an audience's key is known by, without the digest of one that is too long."""
    is_digested = len(text) > _LONGEST_KEY or re.search("~[0-9a-f]{32}$", text)
    return text[:100] if is_digested else text


async def test_every_name_of_a_connection_that_can_be_told_apart_comes_back_and_any_other_is_refused(
    system: System,
) -> None:
    secrets: dict[str, str] = {}
    for text in TEXTS:
        try:
            name = check_name(text)
        except ValueError:
            assert not text.isprintable() or text != text.strip() or not 0 < len(text) <= 100
            continue
        _, secrets[name] = await make_connection(system.database, name, "names", AccountRules("group"))
    await publish_connections(system.database, system.redis)
    for number, secret in enumerate(secrets.values()):
        body = {"writeKey": secret, "userId": "u", "event": "e", "messageId": f"m{number}"}
        async with system.http.post(system.base_url + "/v1/track", json=body) as answer:
            assert answer.status == 200
    await system.settled()

    named = await by_key(system, "events", "names", "message_id, connection")
    assert named == {f"m{number}": name for number, name in enumerate(secrets)}
    with pytest.raises(ValueError, match="printable"):
        check_name("a\0b")
