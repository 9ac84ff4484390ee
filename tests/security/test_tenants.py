"""One customer's secret opens one customer's workspace, whatever else a request says."""

import itertools
import json
from typing import Any

import asyncpg
import pytest

from tests.ingest.edge import basic
from tests.system import System

PLACES = (
    "userId", "anonymousId", "previousId", "groupId", "workspace", "workspaceId", "workspace_id", "connection",
    "connectionId", "connection_id", "writeKey", "projectId", "sourceId", "messageId",
)  # fmt: skip
"""Fields of a message in which a sender may name somebody or something."""

HEADERS = ("X-Workspace", "X-Workspace-Id", "X-Connection-Id", "X-Write-Key", "Forwarded", "X-Forwarded-Host")

_TABLES = """SELECT table_name FROM information_schema.columns
WHERE table_schema = 'variance_data' AND column_name = 'workspace_id' ORDER BY 1"""


@pytest.fixture
async def victim(system: System) -> str:
    """Give a connection whose workspace has some of everything."""
    connection = await system.connect("shop", workspace="acme")
    await system.send(
        {"type": "identify", "userId": "ada", "anonymousId": "v1", "messageId": "m1", "traits": {"email": "ada@a.io"}},
        {"type": "group", "userId": "ada", "groupId": "g1", "messageId": "m2", "traits": {"name": "Acme"}},
        {"type": "track", "userId": "ada", "event": "Bought", "messageId": "m3", "context": {"groupId": "g1"}},
        {"type": "alias", "previousId": "lovelace", "userId": "ada", "messageId": "m4"},
        {"type": "track", "userId": "ada", "event": 5, "messageId": "m5"},
        {
            "type": "identify", "userId": "ada", "messageId": "m6", "traits": {"vips": True},
            "context": {"personas": {"computation_class": "audience", "computation_key": "vips"}},
        },
        connection=connection,
    )  # fmt: skip
    return connection


async def _everything_of(system: System, workspace_id: int) -> dict[str, list[dict[str, Any]]]:
    """Give all rows of a workspace, of every table that knows of workspaces."""
    tables = [row["table_name"] for row in await system.database.fetch(_TABLES)]
    return {
        table: [
            json.loads(row[0])
            for row in await system.database.fetch(
                f"SELECT to_jsonb(t)::text FROM variance_data.{table} t WHERE workspace_id = $1 ORDER BY 1",  # noqa: S608 (from the catalogue)
                workspace_id,
            )
        ]
        for table in tables
    }


def _identifiers(value: Any) -> set[str]:
    """Give every text and number in rows that could name something: keys, ids, names."""
    if isinstance(value, dict):
        return set(value).union(*map(_identifiers, value.values()))
    if isinstance(value, list):
        return set().union(*map(_identifiers, value))
    return {str(value)} if isinstance(value, str | int) and not isinstance(value, bool) else set()


async def _workspace_id(system: System, name: str) -> int:
    found: int = await system.database.fetchval("SELECT id FROM variance_data.workspaces WHERE name = $1", name)
    return found


async def test_no_identifier_of_one_workspace_reaches_it_with_the_secret_of_another(
    system: System, victim: str
) -> None:
    thief = await system.connect("web", workspace="evil")
    acme, evil = await _workspace_id(system, "acme"), await _workspace_id(system, "evil")
    before = await _everything_of(system, acme)
    names = sorted({*_identifiers(before), victim, "acme", "shop", "m1"})
    assert {"ada", "v1", "g1", "a.io", "m5", "vips", victim} <= set(names)

    types = itertools.cycle(("identify", "track", "group", "alias", "page"))
    stolen = [
        {"type": type_, "userId": "u", "event": "e", "groupId": "g", "previousId": "p", "messageId": f"{place}-{name}"}
        | {place: name, "traits": {"stolen": True}, "context": {place: name}}
        for (place, name), type_ in zip(itertools.product(PLACES, names), types, strict=False)
    ]
    context = dict.fromkeys(PLACES, victim)
    batch = {"batch": stolen, "context": context, "writeKey": system.secrets[victim], "workspace": "acme"}
    # Whose secret is in the header, his the messages are; even where a writeKey names another's.
    assert await system.post("/v1/batch", batch, thief) == 200
    assert await system.post(f"/webhook/{thief}", stolen, thief) == 200
    for name in names:
        headers = system.authorization(thief) | {header: name.strip() for header in HEADERS if name.isascii()}
        path = f"/v1/track?workspace={name}&writeKey={name}&connection={name}"
        message = {"userId": name, "event": name}
        async with system.http.post(system.base_url + path, json=message, headers=headers) as answer:
            assert answer.status == 200
    await system.settled()
    applied = len((await _everything_of(system, evil))["messages"])
    await system.send({"type": "delete", "userId": "ada"}, {"type": "delete", "anonymousId": "v1"}, connection=thief)

    assert await _everything_of(system, acme) == before
    assert applied > len(stolen) / 2, "the attempts were not applied at all"


async def test_a_webhook_opens_for_its_own_secret_alone(system: System, victim: str) -> None:
    thief = await system.connect("web", workspace="evil")
    own = system.secrets[thief]
    message = {"type": "track", "userId": "ada", "event": "Stolen", "writeKey": own}
    attempts: list[dict[str, str]] = [
        basic(own),
        {"Authorization": f"Bearer {own}"},
        {"Authentication": f"Bearer {own}"},
        basic(victim),
        basic("acme"),
        basic(f"{victim}:{own}"),
        {},
    ]
    for headers, body in itertools.product(attempts, (message, [message])):
        for path in (f"/webhook/{victim}", f"/webhook/{victim}/", f"/webhook/{thief}/../{victim}"):
            async with system.http.post(system.base_url + path, json=body, headers=headers) as answer:
                assert answer.status in (401, 404)
    await system.settled()
    assert (await system.ledger())["applied"] == 5


async def test_nothing_that_a_workspace_has_can_be_read_over_the_endpoint(system: System, victim: str) -> None:
    acme = await _workspace_id(system, "acme")
    names = [name for name in _identifiers(await _everything_of(system, acme)) if "/" not in name]
    roots = ("", "webhook/", "v1/", "receipt/", "dead/", "contacts/", "connections/", "workspaces/", "v1/projects/")
    for root, name in itertools.product(roots, [victim, "acme", *names]):
        async with system.http.get(f"{system.base_url}/{root}{name}", headers=system.authorization(victim)) as answer:
            text = await answer.text()
            assert answer.status in (404, 405), (root, name)
            assert json.loads(text).keys() == {"success", "code", "message"}


async def test_the_same_ids_in_two_workspaces_are_two_people(system: System, victim: str) -> None:
    other = await system.connect("web", workspace="evil")
    await system.send({"type": "identify", "userId": "ada", "messageId": "m1", "traits": {"a": 1}}, connection=other)

    rows = await system.database.fetch("SELECT workspace, id, traits FROM variance.contacts WHERE external_id = 'ada'")

    assert {row["workspace"] for row in rows} == {"acme", "evil"}
    assert len({row["id"] for row in rows}) == 2
    assert victim not in str(rows)
    with pytest.raises(asyncpg.UniqueViolationError):  # the names of workspaces are one each
        await system.database.execute(
            "INSERT INTO variance_data.workspaces (name, created_at) VALUES ('acme', now())"
        )
