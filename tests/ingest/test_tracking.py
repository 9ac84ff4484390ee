import gzip
import json
from typing import Any

import pytest

from ingest.tracking import BATCHES, CALLS
from ingest.webhook import PATH as WEBHOOKS
from schemas.queue import ENTRY_MESSAGES
from tests.ingest.conftest import publish_default
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, running_edge

WEBHOOK = f"{WEBHOOKS}{CONNECTION.id}"
ANY = {"userId": "u1", "event": "Signed Up", "groupId": "g1", "previousId": "a1", "messageId": "m1"}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("root", ["/v1/", "/"])
@pytest.mark.parametrize(("name", "call_type"), CALLS.items())
async def test_a_call_takes_its_type_from_the_path(
    edge: Edge, root: str, name: str, call_type: str, slash: str
) -> None:
    answer = await edge.post(root + name + slash, ANY | {"type": "wrong"})

    assert (answer.status, answer.json) == (200, {"success": True})
    assert [message["type"] for message in await edge.messages()] == [call_type]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/v1/alias", {}),
        ("/a", {"type": "wrong"}),
        ("/v1/batch", {"type": "alias"}),
        ("/v1/batch", {"type": " Alias "}),
    ],
)
async def test_an_alias_may_have_its_ids_by_their_old_names(edge: Edge, path: str, given: dict[str, Any]) -> None:
    alias = {"from": "a1", "to": "u1"} | given
    await edge.post(path, {"batch": [alias]} if path == "/v1/batch" else alias)

    (message,) = await edge.messages()
    assert (message["type"], message["previousId"], message["userId"]) == ("alias", "a1", "u1")
    assert not message.keys() & {"from", "to"}


async def test_of_an_alias_old_and_new_names_the_new_ones_win(edge: Edge) -> None:
    await edge.post("/v1/alias", {"from": "old", "to": "old", "previousId": "a1", "user_id": "u1"})

    (message,) = await edge.messages()
    assert (message["previousId"], message["userId"]) == ("a1", "u1")


@pytest.mark.parametrize("given", [{}, {"previousId": None}, {"previousId": " "}, {"from": ""}])
@pytest.mark.parametrize("path", ["/v1/alias", "/v1/batch", WEBHOOK])
async def test_an_alias_without_a_previous_id_is_of_its_anonymous_id(
    edge: Edge, path: str, given: dict[str, Any]
) -> None:
    alias = {"type": "alias", "userId": "u1", "anonymousId": 5} | given
    answer = await edge.post(path, [alias] if path == "/v1/batch" else alias)

    assert answer.status == 200
    (message,) = await edge.messages()
    assert (message["previousId"], message["userId"], message["anonymousId"]) == ("5", "u1", "5")


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("root", ["/v1/", "/"])
@pytest.mark.parametrize("name", BATCHES)
async def test_a_batch_takes_each_type_from_its_message(edge: Edge, root: str, name: str, slash: str) -> None:
    batch = [ANY | {"type": call_type, "messageId": call_type} for call_type in set(CALLS.values())]

    answer = await edge.post(root + name + slash, {"batch": batch})

    assert (answer.status, answer.json) == (200, {"success": True})
    assert {message["type"] for message in await edge.messages()} == set(CALLS.values())


@pytest.mark.parametrize("path", ["/v1/m", "/v1/m/", "/m"])
async def test_the_browser_sdk_s_metrics_are_answered_without_credentials_and_ignored(edge: Edge, path: str) -> None:
    answer = await edge.post(path, {"series": []}, headers={})

    assert (answer.status, answer.json) == (200, {"success": True})
    assert await edge.entries() == []


async def test_a_batch_keeps_its_good_messages_and_queues_the_bad_ones_with_their_reasons(edge: Edge) -> None:
    batch = [TRACK, {"type": "track", "userId": "u1", "messageId": "bad"}, 5, TRACK | {"messageId": "m2"}]

    answer = await edge.post("/v1/batch", {"batch": batch})

    assert (answer.status, answer.json) == (200, {"success": True})
    assert [message["messageId"] for message in await edge.messages()] == ["m1", "m2"]
    assert {(refusal.reason, refusal.detail) for refusal in await edge.refusals()} == {
        ("missing_field", "Object missing required field `event` - at `$.batch[1]`"),
        ("not_an_object", "Expected `object` - at `$.batch[2]`"),
    }
    assert await edge.accepted_count() == 4


async def test_a_refused_message_is_queued_under_its_own_id(edge: Edge) -> None:
    await edge.post("/v1/batch", {"batch": [{"type": "track", "userId": "u1", "messageId": "bad"}]})

    (pair,) = await edge.pairs()
    assert (pair.connection_id, pair.message_key, pair.is_accepted) == (CONNECTION.id, "bad", False)


async def test_a_batch_of_bad_messages_only_is_answered_200(edge: Edge) -> None:
    answer = await edge.post("/v1/batch", {"batch": [None, {}]})

    assert answer.status == 200
    assert len(await edge.refusals()) == 2


async def test_an_empty_batch_is_accepted(edge: Edge) -> None:
    answer = await edge.post("/v1/batch", {"batch": []})

    assert (answer.status, answer.json) == (200, {"success": True})
    assert await edge.entries() == []


@pytest.mark.parametrize("body", [{}, {"batch": None}, {"batch": {}}, {"batch": "x"}, TRACK, 5, "x", None])
async def test_a_batch_that_is_no_list_is_refused(edge: Edge, body: object) -> None:
    answer = await edge.post("/v1/batch", body)

    assert (answer.status, answer.json["code"]) == (400, "invalid_batch")
    assert "$.batch" in answer.json["message"]


async def test_an_array_may_be_posted_as_a_batch(edge: Edge) -> None:
    assert (await edge.post("/v1/batch", [TRACK, {}])).status == 200
    assert [message["messageId"] for message in await edge.messages()] == ["m1"]
    assert (await edge.refusals())[0].detail.endswith("at `$[1]`")


async def test_a_batch_s_context_integrations_and_sent_at_reach_each_message_which_wins(edge: Edge) -> None:
    root = {
        "context": {"app": "root", "os": "root"},
        "integrations": {"All": False},
        "sentAt": "2026-01-01T00:00:00Z",
        "writeKey": SECRET,
    }
    own = {"context": {"os": "own"}, "integrations": {"All": True, "X": True}, "sentAt": "2026-02-02T00:00:00Z"}
    nulls: dict[str, Any] = {"context": None, "integrations": [], "sentAt": None}
    batch = [TRACK, TRACK | own | {"messageId": "m2"}, TRACK | nulls | {"messageId": "m3"}]

    await edge.post("/v1/batch", root | {"batch": batch}, headers={})

    plain, with_own, with_nulls = await edge.messages()
    for message in (plain, with_nulls):
        assert message["context"] == {"app": "root", "os": "root"}
        assert message["integrations"] == {"All": False}
        assert message["sentAt"] == "2026-01-01T00:00:00Z"
    assert with_own["context"] == {"app": "root", "os": "own"}
    assert with_own["integrations"] == {"All": True, "X": True}
    assert with_own["sentAt"] == "2026-02-02T00:00:00Z"


async def test_a_batch_s_wrongly_typed_context_spoils_no_message(edge: Edge) -> None:
    await edge.post("/v1/batch", {"batch": [TRACK], "context": "x", "integrations": 5})

    assert [message["messageId"] for message in await edge.messages()] == ["m1"]


async def test_a_large_context_repeated_in_many_messages_is_too_large(redis_url: str) -> None:
    await publish_default(redis_url)
    async with running_edge(redis_url, max_body_bytes=20_000) as edge:
        answer = await edge.post("/v1/batch", {"batch": [TRACK] * 20, "context": {"x": "x" * 10_000}})

        assert (answer.status, answer.json["code"]) == (413, "too_large")
        assert await edge.entries() == []


async def test_a_long_batch_becomes_entries_of_bounded_length_in_which_a_repetition_counts(edge: Edge) -> None:
    batch = [TRACK] * (2 * ENTRY_MESSAGES + 1)

    assert (await edge.post("/v1/batch", {"batch": batch})).status == 200

    assert [len(entry) for entry in await edge.entries()] == [ENTRY_MESSAGES, ENTRY_MESSAGES, 1]
    assert await edge.accepted_count() == len(batch)


async def test_a_message_without_id_is_given_one_and_received_at_is_ours(edge: Edge) -> None:
    await edge.post("/v1/track", {"userId": "u1", "event": "e", "receivedAt": "2000-01-01T00:00:00Z"})

    (message,) = await edge.messages()
    assert len(message["messageId"]) == 36
    assert not message["receivedAt"].startswith("2000")


async def test_no_secret_reaches_the_queue(edge: Edge) -> None:
    message = TRACK | {"writeKey": SECRET}
    bad = {"type": "track", "writeKey": SECRET, "write_key": SECRET}

    await edge.post("/v1/track", message, headers={})
    await edge.post("/v1/b", {"writeKey": SECRET, "batch": [message, bad]}, headers={})

    pairs = await edge.pairs()
    assert len(pairs) == 3
    assert not [pair for pair in pairs if SECRET.encode() in pair.value]


async def test_a_context_of_many_keys_times_many_messages_is_bounded_before_it_fills_the_memory(edge: Edge) -> None:
    context = {f"key{n}": n for n in range(20_000)}
    batch = [{"type": "track", "event": "e", "userId": "u", "context": {"own": 1}}] * 10_000

    body = gzip.compress(json.dumps({"batch": batch, "context": context}).encode())

    assert (await edge.post("/v1/batch", body=body)).status == 413
