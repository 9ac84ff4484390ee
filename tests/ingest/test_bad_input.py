import json
from typing import Any

import orjson
import pytest

from tests.ingest.edge import CONNECTION, TRACK, Edge

WEBHOOK = f"/webhook/{CONNECTION.id}"
U = {"userId": "u1"}

UNREADABLE = {
    "empty": (b"", "empty_body"),
    "blank": (b"  \n", "invalid_json"),
    "no JSON": (b"hello", "invalid_json"),
    "JSON cut short": (b'{"type": "track"', "invalid_json"),
    "two documents": (b"{}{}", "invalid_json"),
    "not UTF-8": (b'{"a": "\xff"}', "invalid_json"),
    "nested without end": (b"[" * 100_000, "invalid_json"),
    "a number too long": (b"1" * 10_000, "invalid_json"),
}
DEEP: Any = json.loads("[" * 300 + "]" * 300)
REFUSED: dict[str, tuple[Any, str, str]] = {
    "a string": ("x", "not_an_object", "`$`"),
    "a number": (5, "not_an_object", "`$`"),
    "null": (None, "not_an_object", "`$`"),
    "no type": (U, "missing_field", "`type` - at `$`"),
    "null type": (U | {"type": None}, "missing_field", "`$`"),
    "a number as type": (U | {"type": 5}, "unknown_type", "`$.type`"),
    "an unknown type": (U | {"type": "nope"}, "unknown_type", "`$.type`"),
    "no id": ({"type": "track", "event": "e"}, "missing_id", "`$`"),
    "blank ids": ({"type": "track", "event": "e", "userId": " ", "anonymousId": ""}, "missing_id", "`$`"),
    "an object as userId": (TRACK | {"userId": {"a": 1}}, "invalid_field", "`$.userId`"),
    "an array as anonymousId": (TRACK | {"anonymousId": []}, "invalid_field", "`$.anonymousId`"),
    "an object as messageId": (TRACK | {"messageId": {}}, "invalid_field", "`$.messageId`"),
    "no event": (U | {"type": "track"}, "missing_field", "`event` - at `$`"),
    "null event": (U | {"type": "track", "event": None}, "invalid_field", "`$.event`"),
    "blank event": (U | {"type": "track", "event": " "}, "missing_field", "`$.event`"),
    "a number as event": (U | {"type": "track", "event": 5}, "invalid_field", "`$.event`"),
    "no groupId": (U | {"type": "group"}, "missing_field", "`groupId` - at `$`"),
    "an object as groupId": (U | {"type": "group", "groupId": {}}, "invalid_field", "`$.groupId`"),
    "neither previousId nor anonymousId": (U | {"type": "alias"}, "missing_field", "`anonymousId` - at `$`"),
    "both of them blank": (
        U | {"type": "alias", "previousId": "", "anonymousId": " "}, "missing_field", "`anonymousId` - at `$`"
    ),
    "an alias without userId": ({"type": "alias", "previousId": "a"}, "missing_id", "`$`"),
    "an alias of an anonymousId alone": ({"type": "alias", "anonymousId": "a"}, "missing_id", "`$`"),
    "traits as a string": (U | {"type": "identify", "traits": "x"}, "invalid_field", "`$.traits`"),
    "properties as a list": (TRACK | {"properties": [1]}, "invalid_field", "`$.properties`"),
    "too many levels": (TRACK | {"properties": {"a": DEEP}}, "nested_too_deeply", "`$`"),
    "context as a number": (TRACK | {"context": 5}, "invalid_field", "`$.context`"),
}
STORABLE = {
    "NaN": b'"x": NaN',
    "infinity": b'"x": -Infinity',
    "a lone surrogate": b'"x": "\\ud800"',
    "a lone surrogate as key": b'"\\ud800": 1',
    "NUL": b'"x": "\\u0000"',
    "NUL as key": b'"\\u0000": 1',
    "NUL in the userId": b'"userId": "u\\u0000"',
    "an integer over 64 bits": b'"x": 123456789012345678901234567890',
    "a float over 64 bits": b'"x": 1e400',
    "the year 0": b'"timestamp": "0000-01-01T00:00:00Z"',
    "the year 10000": b'"timestamp": "10000-01-01T00:00:00Z"',
    "no timestamp at all": b'"timestamp": {"a": 1}',
    "a kilobyte of userId": b'"userId": "' + b"u" * 1024 + b'"',
    "a kilobyte of messageId": b'"messageId": "' + b"m" * 1024 + b'"',
    "a blank messageId": b'"messageId": " "',
    "a numeric userId": b'"userId": 5',
    "a number as email": b'"traits": {"email": 5}',
    "null and numeric traits": b'"traits": {"a": null, "b": 5}',
    "lists where objects belong": b'"context": [], "integrations": [], "properties": []',
    "nulls where objects belong": b'"context": null, "integrations": null, "properties": null',
    "a number as version": b'"version": 2',
    "an unknown field": b'"zzz": {"a": [1]}',
}


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", WEBHOOK])
async def test_a_body_that_is_no_json_is_refused_with_the_reason(edge: Edge, path: str, body: bytes, code: str) -> None:
    answer = await edge.post(path, body=body)

    assert answer.status == 400
    assert answer.json["success"] is False
    assert answer.json["code"] == code
    assert answer.json["message"]


@pytest.mark.parametrize(("message", "code", "at"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_bad_message_is_refused_with_its_field(edge: Edge, message: Any, code: str, at: str) -> None:
    answer = await edge.post(WEBHOOK, message)

    assert answer.status == 400
    assert answer.json == {"success": False, "code": code, "message": answer.json["message"]}
    assert answer.json["message"].endswith(at)
    assert await edge.entries() == []


@pytest.mark.parametrize(("message", "code", "at"), REFUSED.values(), ids=REFUSED.keys())
async def test_in_a_batch_a_bad_message_costs_no_neighbour(edge: Edge, message: Any, code: str, at: str) -> None:
    answer = await edge.post("/v1/batch", {"batch": [TRACK, message, TRACK | {"messageId": "m2"}]})

    assert answer.status == 200
    assert [good["messageId"] for good in await edge.messages()] == ["m1", "m2"]
    (refusal,) = await edge.refusals()
    assert refusal.reason == code
    assert refusal.detail.endswith(at.replace("`$", "`$.batch[1]"))
    assert type(json.loads(refusal.body)) is type(message)


@pytest.mark.parametrize("field", STORABLE.values(), ids=STORABLE.keys())
async def test_what_segment_accepts_is_accepted_and_costs_no_neighbour(edge: Edge, field: bytes) -> None:
    message = b'{"type": "track", "event": "e", "anonymousId": "a", ' + field + b"}"
    good = json.dumps(TRACK).encode()

    assert (await edge.post(WEBHOOK, body=message)).status == 200
    assert (await edge.post("/v1/batch", body=b'{"batch": [' + good + b"," + message + b"]}")).status == 200

    assert len(await edge.messages()) == 3
    for pair in await edge.pairs():
        assert b"\\u0000" not in pair.value
        assert len(pair.message_key) <= 200


async def test_a_byte_order_mark_is_skipped(edge: Edge) -> None:
    assert (await edge.post(WEBHOOK, body=b"\xef\xbb\xbf" + json.dumps(TRACK).encode())).status == 200
    assert [pair.value[:1] for pair in await edge.pairs()] == [b"{"]


@pytest.mark.parametrize("depth", [100, 250])
async def test_what_is_deep_and_can_be_stored_is_kept_alone_and_in_a_batch(edge: Edge, depth: int) -> None:
    nested = f'{"[" * depth}{"]" * depth}'
    deep = f'{{"type": "identify", "userId": "u", "messageId": "deep", "traits": {{"a": {nested}}}}}'.encode()
    good = json.dumps(TRACK).encode()

    alone = await edge.post(WEBHOOK, body=deep)
    batch = await edge.post("/v1/batch", body=b'{"batch": [' + good + b"," + deep + b"]}")

    assert (alone.status, batch.status) == (200, 200)
    assert [message["messageId"] for message in await edge.messages()] == ["deep", "m1", "deep"]
    assert await edge.refusals() == []


@pytest.mark.parametrize("depth", [300, 600, 1000])
@pytest.mark.parametrize("odd", ['"\\u0000"', '"\\ud800"', "NaN"])
async def test_what_is_too_deep_takes_no_neighbour_along_that_has_to_be_made_storable(
    edge: Edge, depth: int, odd: str
) -> None:
    good = f'{{"type": "identify", "userId": "u", "messageId": "good", "traits": {{"odd": {odd}}}}}'
    deep = f'{{"type": "identify", "userId": "u", "traits": {{"deep": {"[" * depth}{"]" * depth}}}}}'
    assert (await edge.post("/v1/batch", body=f'{{"batch": [{good}, {deep}]}}'.encode())).status == 200
    assert [message["messageId"] for message in await edge.messages()] == ["good"]
    assert [refusal.reason for refusal in await edge.refusals()] == ["nested_too_deeply"]


@pytest.mark.parametrize("depth", [300, 900, 1000, 1019])
@pytest.mark.parametrize("given", [{}, {"messageId": "deep"}, {"receivedAt": "soon"}])
async def test_what_is_too_deep_to_be_stored_is_kept_as_it_was_sent_and_once_however_often_it_comes(
    edge: Edge, depth: int, given: dict[str, Any]
) -> None:
    start = json.dumps(given | {"type": "identify", "userId": "u", "traits": {"a": 1}})[:-2]
    texts = [f'{start}, "b": {"[" * depth}{{"last": "{last}"}}{"]" * depth}}}}}' for last in ("one", "two")]
    batch = f'{{"batch": [{",".join(texts)}], "context": {{"a": {"[" * depth}{"]" * depth}}}}}'.encode()

    for _ in range(2):
        assert (await edge.post("/v1/batch", body=batch)).status == 200

    refusals = await edge.refusals()
    assert {refusal.reason for refusal in refusals} == {"nested_too_deeply"}
    bodies = sorted({refusal.body for refusal in refusals})
    assert [text.count(f'"last": "{last}"') for text, last in zip(bodies, ("one", "two"), strict=True)] == [1, 1]
    for text in bodies:
        assert orjson.loads(text).keys() == given.keys() | {"type", "userId", "traits", "context"}
    assert len({pair.message_key for pair in await edge.pairs()}) == (1 if "messageId" in given else 2)


async def test_a_path_that_does_not_exist_is_404_in_json(edge: Edge) -> None:
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        for path in ("/", "/v1", "/v1/", "/v1/nope", "/v2/track", "/webhook", "/webhook/a/b", "/v1/track/x", "/żółć"):
            answer = await edge.request(method, path)
            assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch/", "/m", WEBHOOK])
async def test_another_method_than_post_is_405_in_json(edge: Edge, path: str) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = await edge.request(method, path)
        assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_a_post_to_what_is_only_read_is_405_in_json(edge: Edge, path: str) -> None:
    answer = await edge.post(path, {})

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
