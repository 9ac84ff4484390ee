from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.cli.command import Variance
from tests.system import System
from worker.cli.dead_replay import read_corrections
from worker.cli.failures import CommandError

COUNTS = ("accepted", "applied", "duplicate", "suppressed", "dead", "pending")
GOOD = {"type": "track", "userId": "u", "event": "Signed Up", "messageId": "good"}
BAD = {"type": "track", "userId": "u", "messageId": "bad", "timestamp": "2024-01-02T03:04:05Z"}
NOTHING = {"applied": 0, "duplicate": 0, "suppressed": 0, "dead": 0, "gone": 0}


async def ledger(variance: Variance) -> tuple[int, ...]:
    """Give the ledger's counts, which have to balance."""
    report = (await variance("status", "--json")).json
    assert report["balanced"] is True
    return tuple(report[name] for name in COUNTS)


@pytest.fixture
async def letter(system: System, variance: Variance) -> dict[str, Any]:
    """A dead letter beside an applied message."""
    await system.send(GOOD, BAD)
    (found,) = (await variance("dead", "list", "--json")).json
    return dict(found)


async def test_dead_letters_are_listed_with_their_reason_the_newest_first(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    await system.connect("other", workspace="acme")
    await system.send({"type": "nonsense", "messageId": "x"}, connection="acmeother")
    newest, oldest = (await variance("dead", "list", "--json")).json
    assert oldest == letter
    assert (letter["workspace"], letter["connection"], letter["message_id"]) == ("default", "main", "bad")
    assert (letter["reason"], "`event`" in letter["detail"]) == ("missing_field", True)
    assert (newest["workspace"], newest["connection"], newest["reason"]) == ("acme", "other", "unknown_type")
    assert (await variance("dead", "list", "--json", "--reason", "unknown_type")).json == [newest]
    assert (await variance("dead", "list", "--json", "--connection", "main")).json == [oldest]
    assert (await variance("dead", "list", "--json", "--limit", "1")).json == [newest]
    assert "bad" in (await variance("dead", "list")).out
    afterwards = datetime.now(UTC)
    for received_at, died_at in await system.rows("dead_letters", "received_at, died_at"):
        assert received_at < died_at < afterwards


async def test_show_prints_the_body_alone(variance: Variance, letter: dict[str, Any]) -> None:
    ended = await variance("dead", "show", str(letter["id"]))
    assert orjson.loads(ended.out) == BAD
    assert "missing_field" in ended.err
    shown = (await variance("dead", "show", str(letter["id"]), "--json")).json
    assert orjson.loads(shown.pop("body")) == BAD
    assert shown == letter


async def test_a_replay_of_what_is_still_bad_makes_a_new_letter(variance: Variance, letter: dict[str, Any]) -> None:
    before = await ledger(variance)
    ended = await variance("dead", "replay", str(letter["id"]), "--json")
    assert ended.exit_code == 1
    (again,) = (await variance("dead", "list", "--json")).json
    assert again["id"] != letter["id"]
    assert (again["reason"], again["received_at"][:23]) == (letter["reason"], letter["received_at"][:23])
    assert ended.document == NOTHING | {
        "dead": 1,
        "letters": [{"id": letter["id"], "outcome": "dead", "message_id": "bad", "new_id": again["id"]}],
    }
    assert await ledger(variance) == before == (2, 1, 0, 0, 1, 0)


async def test_a_corrected_body_is_applied_under_the_letters_own_id(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    corrected = orjson.dumps(BAD | {"event": "Paid", "messageId": "another"})
    replayed = (await variance("dead", "replay", str(letter["id"]), "--body", "-", "--json", stdin=corrected)).json
    assert replayed["applied"] == 1
    assert await ledger(variance) == (2, 2, 0, 0, 0, 0)
    assert (await variance("dead", "list", "--json")).json == []
    rows = await system.rows("events WHERE name = 'Paid'", "message_id, occurred_at::text, received_at")
    assert [(row[0], row[1]) for row in rows] == [("bad", "2024-01-02 03:04:05+00")]
    assert rows[0][2].isoformat()[:23] == letter["received_at"][:23]
    again = (await variance("dead", "replay", str(letter["id"]), "--json")).json
    assert again["gone"] == 1
    assert await ledger(variance) == (2, 2, 0, 0, 0, 0)


async def test_what_was_repaired_elsewhere_is_a_duplicate(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    await system.send(BAD | {"event": "Paid"})
    body = orjson.dumps(BAD | {"event": "Paid again"})
    replayed = (await variance("dead", "replay", str(letter["id"]), "--body", "-", "--json", stdin=body)).json
    assert replayed["duplicate"] == 1
    assert await ledger(variance) == (3, 2, 1, 0, 0, 0)


async def test_a_letter_of_a_person_who_was_deleted_is_gone(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    assert letter["reason"]
    await system.send({"type": "delete", "userId": "u", "messageId": "d"})
    assert (await variance("dead", "list", "--json")).json == []


async def test_a_letter_that_is_corrected_to_a_deleted_person_is_suppressed(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    await system.send({"type": "delete", "userId": "gone", "messageId": "d"})
    body = orjson.dumps(BAD | {"event": "Paid", "userId": "gone"})
    replayed = (await variance("dead", "replay", str(letter["id"]), "--body", "-", "--json", stdin=body)).json
    assert replayed["suppressed"] == 1
    assert await ledger(variance) == (3, 2, 0, 1, 0, 0)


async def test_all_letters_are_replayed_once_their_cause_is_gone(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    for number in range(3):
        await system.send(BAD | {"messageId": f"bad{number}"})
    await system.database.execute(
        """UPDATE variance_data.dead_letters SET body = replace(body, '"u"', '"u","event":"E"')"""
    )
    replayed = (await variance("dead", "replay", "--all", "--json")).json
    assert replayed["applied"] == 4
    assert replayed["letters"][0]["id"] == letter["id"]
    assert await ledger(variance) == (5, 5, 0, 0, 0, 0)
    assert (await variance("dead", "replay", "--all", "--json")).json == NOTHING | {"letters": []}


async def test_a_corrected_body_that_is_no_json_leaves_the_letter_as_it_is(
    variance: Variance, letter: dict[str, Any]
) -> None:
    for body in (b"", b"not json", b"{oops"):
        failure = (await variance("dead", "replay", str(letter["id"]), "--body", "-", stdin=body)).failure
        assert "the dead letter stays as it was" in failure
    assert (await variance("dead", "list", "--json")).json == [letter]


@pytest.mark.parametrize("words", [("discard", "7"), ("replay", "1", "7"), ("show", "7")], ids=" ".join)
async def test_a_letter_that_never_was_is_told_and_nothing_is_done(
    variance: Variance, letter: dict[str, Any], words: tuple[str, ...]
) -> None:
    assert letter["id"] < 7
    failure = (await variance("dead", *words, "--json")).failure
    assert failure == "variance: there is no dead letter 7: `variance dead list` shows those that there are"
    assert (await variance("dead", "list", "--json")).json == [letter]


async def test_a_discarded_letter_stays_counted(variance: Variance, letter: dict[str, Any]) -> None:
    words = ("dead", "discard", str(letter["id"]), "--json")
    assert (await variance(*words)).json["outcome"] == "discarded"
    assert (await variance(*words)).json["outcome"] == "gone"
    assert (await variance("dead", "list", "--json")).json == []
    assert await ledger(variance) == (2, 1, 0, 0, 1, 0)


async def test_wrong_usage_and_missing_letters_are_told(variance: Variance) -> None:
    for words in (
        ["replay"], ["replay", "1", "--all"], ["replay", "1", "2", "--body", "-"], ["show", "one"],
        ["replay", "1", "--reason", "deadly"],
    ):  # fmt: skip
        assert (await variance("dead", *words)).exit_code == 2
    assert "there is no dead letter 7" in (await variance("dead", "show", "7")).failure


async def test_letters_are_chosen_by_message_and_by_when_they_died(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    await system.database.execute("UPDATE variance_data.dead_letters SET died_at = died_at - interval '3 hours'")
    await system.send(BAD | {"messageId": "later"})

    async def chosen(*words: str) -> list[str]:
        return [found["message_id"] for found in (await variance("dead", "list", "--json", *words)).json]

    assert await chosen("--since", "2h") == ["later"]
    assert await chosen("--until", "2h") == ["bad"]
    assert await chosen("--since", letter["died_at"], "--until", "2999-01-01") == ["later"]
    assert await chosen("--message-id", "bad") == ["bad"]
    assert (await variance("dead", "list", "--since", "soon")).exit_code == 2


async def test_a_letter_names_the_field_as_it_stands_in_its_own_body(letter: dict[str, Any]) -> None:
    assert (letter["detail"], letter["field"]) == (
        "Object missing required field `event` - at `$[1]`", "$.event"
    )  # fmt: skip


async def test_many_letters_are_corrected_by_a_program_and_replayed_once(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    await system.send(BAD | {"messageId": "other"})
    listed = (await variance("dead", "list", "--bodies", "--json")).json
    corrected = [{"id": found["id"], "body": orjson.loads(found["body"]) | {"event": "Paid"}} for found in listed[1:]]
    corrected += [{"id": listed[0]["id"], "body": listed[0]["body"].replace('"track"', '"track","event":"Paid"')}]
    words = ("dead", "replay", "--corrections", "-", "--json")
    replayed = (await variance(*words, stdin=orjson.dumps(corrected))).json
    assert (replayed["applied"], letter["id"]) == (2, listed[1]["id"])
    assert await ledger(variance) == (3, 3, 0, 0, 0, 0)
    assert (await variance(*words, stdin=orjson.dumps(corrected))).json["gone"] == 2
    assert await ledger(variance) == (3, 3, 0, 0, 0, 0)


async def test_filters_choose_which_of_all_letters_are_replayed(
    system: System, variance: Variance, letter: dict[str, Any]
) -> None:
    await system.send(BAD | {"messageId": "other"})
    replayed = await variance("dead", "replay", "--all", "--message-id", "other", "--json")
    assert [found["message_id"] for found in replayed.document["letters"]] == ["other"]
    assert letter in (await variance("dead", "list", "--json")).json


def test_corrections_are_bodies_as_json_or_as_text_and_keep_every_digit() -> None:
    text = b'[{"id": 7, "reason": "x", "body": {"n": 1%s}}, {"id": 8, "body": "{\\"a\\":1}"}]' % (b"0" * 30)
    assert read_corrections(text) == {7: b'{"n": 1%s}' % (b"0" * 30), 8: b'{"a":1}'}


@pytest.mark.parametrize(
    "text", [b"", b"{}", b'[{"id": 1}]', b'[{"id": "x", "body": {}}]', b'[{"id": 1, "body": "\xff"}]']
)
def test_corrections_that_cannot_be_read_are_one_line_without_a_body(text: bytes) -> None:
    with pytest.raises(CommandError, match="no JSON array of id and body"):
        read_corrections(text)
