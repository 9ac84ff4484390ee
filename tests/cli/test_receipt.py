from typing import Any

from tests.cli.command import Variance
from tests.system import System

MESSAGE = {"type": "identify", "userId": "u"}


async def outcome(variance: Variance, message_id: str, *words: str) -> dict[str, Any]:
    """Give the only receipt of a message."""
    (found,) = (await variance("receipt", message_id, *words, "--json")).json
    assert found["message_id"] == message_id
    return {name: value for name, value in found.items() if value is not None and name != "message_id"}


async def test_an_applied_message_shows_its_times_and_its_contact(system: System, variance: Variance) -> None:
    await system.send(MESSAGE | {"messageId": "m", "timestamp": "2024-01-02T03:04:05Z"})
    found = await outcome(variance, "m")
    ((contact_id,),) = await system.rows("contacts", "id")
    assert found.pop("received_at") > "2024"
    assert found == {
        "connection": "main", "workspace": "default", "outcome": "applied", "type": "identify",
        "occurred_at": "2024-01-02T03:04:05Z", "contact_id": str(contact_id),
    }  # fmt: skip


async def test_suppressed_and_dead_messages_show_why_and_when(system: System, variance: Variance) -> None:
    await system.send({"type": "delete", "userId": "u", "messageId": "d"})
    await system.send(MESSAGE | {"messageId": "s", "timestamp": "2024-01-02"}, {"type": "x", "messageId": "x"})
    suppressed = await outcome(variance, "s")
    assert (suppressed["outcome"], suppressed["reason"]) == ("suppressed", "deleted")
    dead = await outcome(variance, "x")
    assert (dead["outcome"], dead["reason"]) == ("dead", "unknown_type")
    assert dead["settled_at"] >= dead["received_at"][:19]
    assert (await variance("dead", "show", str(dead["dead_letter_id"]))).exit_code == 0


async def test_whatever_a_deleted_person_said_is_suppressed_whether_it_came_before_or_after(
    system: System, variance: Variance
) -> None:
    said = {"userId": "u", "timestamp": "2024-01-02"}
    early = [said | {"type": "identify", "messageId": "i1"}, said | {"type": "track", "messageId": "bad1"}]
    late = [said | {"type": "identify", "messageId": "i2"}]
    await system.send(*early)
    await system.send({"type": "delete", "userId": "u", "messageId": "d"})
    await system.send(*late, *early[:1])
    for message_id in ("i1", "i2", "bad1"):
        found = await outcome(variance, message_id)
        assert (found["outcome"], found["reason"]) == ("suppressed", "deleted")
    assert await system.ledger() == {"applied": 2, "duplicate": 1, "suppressed": 1, "dead": 1}


async def test_a_waiting_message_is_pending_and_then_applied(system: System, variance: Variance) -> None:
    await system.stop_worker()
    waiting = [MESSAGE | {"messageId": "m"}, MESSAGE | {"messageId": "m"}, {"type": "x", "messageId": "x"}]
    await system.post("/webhook/defaultmain", waiting, "defaultmain")
    assert await outcome(variance, "m") == {
        "connection": "main", "workspace": "default", "outcome": "pending", "type": "identify",
    }  # fmt: skip
    assert (await outcome(variance, "x"))["reason"] == "unknown_type"
    await system.start_worker()
    await system.settled()
    assert (await outcome(variance, "m"))["outcome"] == "applied"


async def test_every_connection_that_has_the_message_is_shown(system: System, variance: Variance) -> None:
    await system.connect("other", workspace="acme")
    await system.send(MESSAGE | {"messageId": "m"})
    await system.stop_worker()
    await system.post("/webhook/acmeother", [MESSAGE | {"messageId": "m"}], "acmeother")
    receipts = (await variance("receipt", "m", "--json")).json
    assert [(found["workspace"], found["outcome"]) for found in receipts] == [
        ("default", "applied"),
        ("acme", "pending"),
    ]
    assert (await outcome(variance, "m", "--connection", "other"))["outcome"] == "pending"
    assert "acme" in (await variance("receipt", "m")).out


async def test_a_very_long_message_id_is_found(system: System, variance: Variance) -> None:
    await system.send(MESSAGE | {"messageId": "long" * 200})
    assert (await outcome(variance, "long" * 200))["outcome"] == "applied"


async def test_an_unknown_message_is_exit_code_one(variance: Variance) -> None:
    ended = await variance("receipt", "nobody-sent-this", "--json")
    assert (ended.exit_code, ended.err) == (1, "variance: no message with this id is known\n")
    assert [found["outcome"] for found in ended.document] == ["unknown"]


async def test_without_redis_what_was_settled_is_still_found(system: System, variance: Variance) -> None:
    await system.send(MESSAGE | {"messageId": "m"})
    ended = await variance("receipt", "m", "--json", REDIS_URL="redis://127.0.0.1:1")
    assert "the queue was not searched" in ended.failure
    assert ended.document[0]["outcome"] == "applied"


async def test_copies_of_an_applied_message_are_its_duplicates(system: System, variance: Variance) -> None:
    await system.send(MESSAGE | {"messageId": "m"})
    await system.send(MESSAGE | {"messageId": "m", "traits": {"a": 1}})
    await system.stop_worker()
    await system.post("/webhook/defaultmain", [MESSAGE | {"messageId": "m"}] * 2, "defaultmain")
    found = await outcome(variance, "m")
    assert (found["outcome"], found["conflicts"], found["duplicates_waiting"]) == ("applied", 1, 2)
    await system.start_worker()
    await system.settled()
    assert "duplicates_waiting" not in await outcome(variance, "m")


async def test_an_entry_that_was_settled_and_not_removed_is_no_duplicate(system: System, variance: Variance) -> None:
    await system.stop_worker()
    await system.post("/webhook/defaultmain", [MESSAGE | {"messageId": "m"}], "defaultmain")
    streams = [key async for key in system.redis.scan_iter("variance:{p*}", _type="stream")]
    ((entry_id, pairs),) = await system.redis.xrange(streams[0])
    await system.start_worker()
    await system.settled()
    await system.stop_worker()
    # As after a crash between the commit and the removal.
    await system.redis.delete(streams[0])
    await system.redis.xadd(streams[0], pairs, id=entry_id)
    assert "duplicates_waiting" not in await outcome(variance, "m")


async def test_a_discarded_letter_still_has_a_receipt(system: System, variance: Variance) -> None:
    await system.send({"type": "x", "messageId": "x"})
    dead = await outcome(variance, "x")
    await variance("dead", "discard", str(dead["dead_letter_id"]))
    discarded = await outcome(variance, "x")
    assert (discarded["outcome"], discarded["reason"]) == ("discarded", "unknown_type")
    assert discarded["settled_at"] > dead["settled_at"]


async def test_a_copy_of_a_dead_message_that_waits_is_shown_beside_it(system: System, variance: Variance) -> None:
    await system.send({"type": "x", "messageId": "x"})
    await system.stop_worker()
    await system.post("/webhook/defaultmain", [MESSAGE | {"messageId": "x"}], "defaultmain")
    receipts = (await variance("receipt", "x", "--json")).json
    assert [found["outcome"] for found in receipts] == ["dead", "pending"]
    await system.start_worker()
    await system.settled()
    receipts = (await variance("receipt", "x", "--json")).json
    assert [found["outcome"] for found in receipts] == ["applied", "dead"]
