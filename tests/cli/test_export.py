import gzip
import os
import shlex
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from tests.cli.command import Variance
from tests.journeys.messages import alias, group, identify, track
from tests.system import System

_VIEWS = {
    "contacts": "workspace, external_id, email, traits, first_seen_at, last_seen_at",
    "accounts": "workspace, key, name, source, traits, first_seen_at, last_seen_at",
    "events": "workspace, connection, message_id, type, name, properties, context, occurred_at, received_at",
    "identities": "workspace, value, kind",
    "merges": "*",
}
"""What the views show, but for the ids of contacts and accounts."""


@pytest.fixture
async def empty_url(database_url: str, template_url: str) -> AsyncIterator[str]:
    """A migrated database beside the system's own."""
    name = "test_export"
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_url.rpartition('/')[2]}")
    yield database_url.rpartition("/")[0] + f"/{name}"
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def seen(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Read all views."""
    database = await asyncpg.connect(url)
    try:
        rows = {
            view: await database.fetch(f"SELECT {columns} FROM variance.{view} WHERE workspace = 'default'")  # noqa: S608
            for view, columns in _VIEWS.items()
        }
        return {view: sorted(map(tuple, found), key=repr) for view, found in rows.items()}
    finally:
        await database.close()


async def test_a_workspace_goes_through_a_file_into_an_empty_database(
    system: System, variance: Variance, empty_url: str, tmp_path: Path
) -> None:
    await system.connect("the-app", "email", email_fallback=False)
    await system.connect("elsewhere", workspace="other")
    await system.send(
        identify(1, userId="old", anonymousId="a", traits={"email": "p@acme.example"}),
        group("g1", 2, userId="old", traits={"name": "Initech"}),
        alias("old", "new", 3, messageId="the-alias"),
        track("Clicked", 4, anonymousId="a", receivedAt="2024-01-01T00:00:00.000Z"),
    )
    await system.send(identify(5, userId="x", traits={"email": "x@b.example"}), connection="defaulttheapp")
    await system.send(identify(6, userId="not this one"), connection="otherelsewhere")
    await variance("unlink", "the-alias")
    before = await seen(system.database_url)
    exported = await variance("export", "workspace", "default", "all.ndjson.gz")
    assert exported.exit_code == 0, exported.err
    commands = [line.strip() for line in exported.err.splitlines() if line.startswith("  variance ")]
    adding = [command for command in commands if " add " in command]
    for command in adding:
        assert (await variance(*shlex.split(command)[1:], DATABASE_URL=empty_url)).exit_code == 0
    imported = await variance("import", "all.ndjson.gz", "--json", DATABASE_URL=empty_url)
    assert imported.json == {"read": 5, "applied": 5, "duplicate": 0, "suppressed": 0, "dead": 0}
    for command in commands[len(adding) :]:
        assert (await variance(*shlex.split(command)[1:], DATABASE_URL=empty_url)).exit_code == 0
    assert await seen(empty_url) == before
    assert stat.S_IMODE((tmp_path / "all.ndjson.gz").stat().st_mode) == 0o600
    assert (tmp_path / "all.ndjson.gz").read_bytes()[:2] == b"\x1f\x8b"
    plain = await variance("export", "workspace", "default", "plain.ndjson", "--json")
    assert (plain.json["messages"], len(plain.json["connections"]), len(plain.json["withdrawn_links"])) == (5, 2, 1)
    assert gzip.decompress((tmp_path / "all.ndjson.gz").read_bytes()) == (tmp_path / "plain.ndjson").read_bytes()


async def test_a_contacts_messages_are_those_of_all_its_ids_and_of_nobody_else(
    system: System, variance: Variance
) -> None:
    await system.send(
        track("Looked", 1, anonymousId="a", messageId="m1"),
        identify(2, userId="u", anonymousId="a", messageId="m2", traits={"email": "p@acme.example"}),
        track("Looked", 3, userId="other", anonymousId="a", messageId="m3"),
        alias("before", "u", 4, messageId="m4"),
    )
    ended = await variance("export", "contact", "p@acme.example")
    lines = [orjson.loads(line) for line in ended.out.splitlines()]
    assert {line["messageId"] for line in lines} == {"m1", "m2", "m4"}
    assert {line["_connection"] for line in lines} == {"main"}
    document = (await variance("export", "contact", "u", "--json")).json
    assert document["contact"]["external_id"] == "u"
    assert document["account"]["key"] == "acme.example"
    assert [identity["value"] for identity in document["identities"]] == ["before", "u", "a"]
    outcomes = {merge["message_id"]: merge["outcome"] for merge in document["merges"]}
    assert outcomes == {"m3": "refused", "m4": "recorded"}
    assert len(document["account_memberships"]) == 1
    assert document["audience_memberships"] == []
    assert {message["messageId"] for message in document["messages"]} == {"m1", "m2", "m4"}
    columns = await system.database.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'variance'"
    )
    for view in ("contacts", "accounts", "identities", "merges", "account_memberships"):
        shown = document[view][0] if view in document else document[view.removesuffix("s")]
        assert shown.keys() == {column["column_name"] for column in columns if column["table_name"] == view}


async def test_an_export_that_fails_leaves_the_file_as_it_was(
    system: System, variance: Variance, tmp_path: Path
) -> None:
    (tmp_path / "kept.gz").write_bytes(gzip.compress(b"the last one"))
    assert (await variance("export", "workspace", "default", "--json")).exit_code == 2
    assert "no workspace 'nobody'" in (await variance("export", "workspace", "nobody", "kept.gz")).failure
    await system.database.execute("DROP TABLE variance_data.withdrawals CASCADE")
    await system.database.execute("ALTER TABLE variance_data.messages DROP COLUMN body CASCADE")
    assert (await variance("export", "workspace", "default", "kept.gz")).exit_code == 1
    assert gzip.decompress((tmp_path / "kept.gz").read_bytes()) == b"the last one"
    assert os.listdir(tmp_path) == ["kept.gz"]  # noqa: PTH208 (a folder in a test)


async def test_a_line_of_a_connection_that_there_is_not_stops_the_import(system: System, variance: Variance) -> None:
    lines = b"".join(
        orjson.dumps({"type": "track", "userId": "u", "event": "E", "messageId": name, "_connection": name}) + b"\n"
        for name in ("main", "Web app")
    )
    failure = (await variance("import", "-", stdin=lines)).failure
    assert "line 2 is of the connection 'Web app', which there is not" in failure
    assert await system.rows("events", "connection") == [("main",)]
    told = (await variance("import", "-", "--connection", "main", "--json", stdin=lines)).json
    assert (told["applied"], told["duplicate"]) == (1, 1)


async def test_a_pipe_is_written_to_and_a_link_goes_on_leading_to_its_file(
    system: System, variance: Variance, tmp_path: Path
) -> None:
    await system.send(identify(1, userId="u", messageId="m"))
    for name, unpacked in (("pipe", bytes), ("pipe.gz", gzip.decompress)):
        os.mkfifo(tmp_path / name)
        pipe = os.open(tmp_path / name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert (await variance("export", "workspace", "default", name)).exit_code == 0
            assert orjson.loads(unpacked(os.read(pipe, 10_000)))["messageId"] == "m"
        finally:
            os.close(pipe)
    (tmp_path / "link").symlink_to("file")
    assert (await variance("export", "workspace", "default", "link")).exit_code == 0
    assert (tmp_path / "link").is_symlink()
    assert orjson.loads((tmp_path / "file").read_bytes())["messageId"] == "m"
