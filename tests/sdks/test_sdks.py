"""Each call of each SDK ends up as the right row."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.sdks.conftest import NEWEST, STRICTEST
from tests.system import System

_HERE = Path(__file__).parent


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def assert_all_calls_are_rows(system: System) -> None:
    await system.settled()
    assert await system.ledger() == {"applied": 7, "duplicate": 0, "suppressed": 0, "dead": 0}
    contacts = await system.contacts()
    assert list(contacts) == ["user-2"]
    assert contacts["user-2"]["traits"] == {"email": "ada@acme.example", "seats": 3}
    assert (contacts["user-2"]["account"], contacts["user-2"]["source"]) == ("42", "group")
    assert await system.rows("identities", "value, kind") == [
        ("user-1", "user"), ("user-2", "user"), ("visitor-1", "anonymous")
    ]  # fmt: skip
    events = await system.rows("events", "type, name, contact_id, properties->>'pages', properties->'ratio'")
    contact_id = contacts["user-2"]["id"]
    assert [event[:3] for event in events] == [
        ("action", "Report Viewed", contact_id), ("action", "Visited", contact_id),
        ("page", "Pricing", contact_id), ("screen", "Home", contact_id),
    ]  # fmt: skip
    assert events[0][3:] in (("12", "null"), ("12", None))
    ((traits, name),) = await system.rows("accounts", "traits, name")
    assert (orjson.loads(traits), name) == ({"name": "Acme", "employees": 10}, "Acme")
    assert await system.rows("merges", "previous_id, user_id, outcome") == [("user-1", "user-2", "renamed")]


@pytest.mark.parametrize("encoding", ["plain", "gzip"])
@pytest.mark.parametrize("requirement", [NEWEST, STRICTEST], ids=["newest", "strictest"])
async def test_the_python_sdk_works_with_only_host_and_key_changed(
    system: System, python_sdk: Callable[[str], Path], requirement: str, encoding: str
) -> None:
    folder = await asyncio.to_thread(python_sdk, requirement)
    key = system.secrets["defaultmain"]
    await run(sys.executable, str(_HERE / "python_calls.py"), str(folder), system.base_url, key, encoding)
    await assert_all_calls_are_rows(system)


async def test_the_node_sdk_works_with_only_host_and_key_changed(system: System, node_sdk: Path) -> None:
    key = system.secrets["defaultmain"]
    await run("node", str(_HERE / "node_calls.cjs"), str(node_sdk), system.base_url, key)
    await assert_all_calls_are_rows(system)
