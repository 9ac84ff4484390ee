"""A letter that is replayed as it is may say what its sender might say when it came, and no more."""

from typing import Any

import pytest

from tests.cli.command import Variance
from tests.system import System

DELETE = {"type": "delete", "userId": "ada", "messageId": "m"}
OF_AN_ACCOUNT = {
    "type": "group", "groupId": "g1", "traits": {"vips": True}, "messageId": "m",
    "context": {"personas": {"computation_class": "audience", "computation_key": "vips"}},
}  # fmt: skip


@pytest.mark.parametrize("message", [DELETE, OF_AN_ACCOUNT], ids=["a deletion", "an account's audience"])
async def test_what_segment_said_through_an_unknown_connection_is_applied_once_there_is_the_connection(
    system: System, variance: Variance, message: dict[str, Any]
) -> None:
    await system.connect("other")
    await system.database.execute("DELETE FROM variance_data.connections WHERE id = 'defaultother'")
    await system.send(message, connection="defaultother")
    (letter,) = (await variance("dead", "list", "--json")).json
    assert letter["reason"] == "unknown_connection"
    await system.connect("other")
    replayed = (await variance("dead", "replay", str(letter["id"]), "--json")).json
    assert replayed["applied"] == 1


async def test_a_deletion_that_came_with_a_write_key_dies_again(system: System, variance: Variance) -> None:
    assert await system.post("/v1/batch", {"batch": [DELETE]}, "defaultmain") == 200
    await system.settled()
    (letter,) = (await variance("dead", "list", "--json")).json
    replayed = (await variance("dead", "replay", str(letter["id"]), "--json")).document
    assert (letter["reason"], replayed["dead"], replayed["applied"]) == ("unknown_type", 1, 0)
