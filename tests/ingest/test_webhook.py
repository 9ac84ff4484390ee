import gzip
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.ingest.edge import CONNECTION, SECRET, TRACK, Edge, basic

WEBHOOK = f"/webhook/{CONNECTION.id}"
AUDIENCE = {
    "type": "group", "messageId": "m1", "groupId": "g1", "traits": {"big": True},
    "context": {"personas": {"computation_class": "audience", "computation_key": "big"}},
}  # fmt: skip


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return basic(SECRET) | {"X-Signature": hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


async def test_a_single_message_of_any_type_is_taken(edge: Edge) -> None:
    for call_type in ("identify", "track", "page", "screen", "group", "alias", "delete"):
        message = {"userId": "u", "event": "e", "groupId": "g", "previousId": "p"} | {"type": call_type}
        assert (await edge.post(WEBHOOK, message)).status == 200

    assert len(await edge.messages()) == 7


async def test_an_array_keeps_its_good_messages_and_queues_the_bad_ones_with_their_reasons(edge: Edge) -> None:
    answer = await edge.post(WEBHOOK, [TRACK, {"type": "nope"}, TRACK | {"messageId": "m2", "event": 5}])

    assert (answer.status, answer.json) == (200, {"success": True})
    assert [message["messageId"] for message in await edge.messages()] == ["m1"]
    places = {refusal.detail.rpartition(" ")[2] for refusal in await edge.refusals()}
    assert places == {"`$[1].type`", "`$[2].event`"}


async def test_an_account_s_audience_may_be_without_anybody_s_id(edge: Edge) -> None:
    blank = AUDIENCE | {"messageId": "m2", "groupId": 7, "userId": "", "anonymousId": None}
    assert (await edge.post(WEBHOOK, AUDIENCE)).status == 200
    assert (await edge.post(WEBHOOK, [blank])).status == 200

    assert [message["groupId"] for message in await edge.messages()] == ["g1", "7"]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/v1/group", {}),
        (WEBHOOK, {"context": {}}),
        (WEBHOOK, {"context": None}),
        (WEBHOOK, {"context": {"personas": None}}),
        (WEBHOOK, {"type": "identify"}),
        (WEBHOOK, {"type": "track", "event": "Audience Entered"}),
    ],
)
async def test_any_other_message_without_an_id_is_refused(edge: Edge, path: str, change: dict[str, Any]) -> None:
    for message in (AUDIENCE | change, AUDIENCE | change | {"somethingElse": 1}):
        answer = await edge.post(path, message)
        assert (answer.status, answer.json["code"]) == (400, "missing_id")


async def test_a_batch_of_a_write_key_s_keeps_no_account_s_audience_without_an_id(edge: Edge) -> None:
    await edge.post("/v1/batch", [AUDIENCE])

    assert [refusal.reason for refusal in await edge.refusals()] == ["missing_id"]


async def test_an_empty_array_is_accepted(edge: Edge) -> None:
    assert (await edge.post(WEBHOOK, [])).status == 200


async def test_segment_s_received_at_is_kept(edge: Edge) -> None:
    received = {"receivedAt": "2020-01-01T00:00:00.000Z"}

    await edge.post(WEBHOOK, TRACK | received)
    await edge.post(WEBHOOK, [TRACK | received])

    assert [message["receivedAt"] for message in await edge.messages()] == ["2020-01-01T00:00:00.000Z"] * 2


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(TRACK).encode(),
        json.dumps(TRACK, indent=3, ensure_ascii=False).encode() + b"\n",
        json.dumps([TRACK, TRACK]).encode(),
    ],
)
async def test_a_signature_of_the_whole_body_as_it_was_sent_is_good(edge: Edge, body: bytes) -> None:
    assert (await edge.post(WEBHOOK, body=body, headers=signed(body))).status == 200


async def test_a_signature_of_an_array_s_first_message_as_it_was_sent_is_good(edge: Edge) -> None:
    first = b'{"type":"track", "event" : "\xc3\xb3 \\u00f3","userId":1.0,"x":[{"]":"}"}]}'
    body = b" [ " + first + b' , {"type":"page","userId":"u"}]'

    assert (await edge.post(WEBHOOK, body=body, headers=signed(first))).status == 200
    assert len(await edge.messages()) == 2


async def test_a_signature_covers_the_body_before_compression(edge: Edge) -> None:
    body = json.dumps(TRACK).encode()
    headers = signed(body) | {"Content-Encoding": "gzip"}

    assert (await edge.post(WEBHOOK, body=gzip.compress(body), headers=headers)).status == 200


@pytest.mark.parametrize("signature", ["", "0", "żółć", "0" * 40, hmac.new(b"x", b"x", hashlib.sha1).hexdigest()])
async def test_a_wrong_signature_is_refused(edge: Edge, signature: str) -> None:
    for body in (TRACK, [TRACK], []):
        answer = await edge.post(WEBHOOK, body, headers=basic(SECRET) | {"X-Signature": signature})
        assert (answer.status, answer.json["code"]) == (401, "wrong_signature")


async def test_a_signature_under_another_secret_or_of_another_element_is_refused(edge: Edge) -> None:
    first, second = json.dumps(TRACK).encode(), json.dumps(TRACK | {"event": "e"}).encode()
    body = b"[" + first + b"," + second + b"]"

    for headers in (signed(second), signed(first, "another"), signed(first + b",")):
        assert (await edge.post(WEBHOOK, body=body, headers=headers)).status == 401
    assert await edge.entries() == []


async def test_a_signature_over_something_that_is_no_json_is_refused_and_not_an_error(edge: Edge) -> None:
    for body in (b"[", b"[NaN", b"\xff", b"[" * 5000):
        assert (await edge.post(WEBHOOK, body=body, headers=signed(b"x"))).status == 401
