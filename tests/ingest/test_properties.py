import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.partitions import NEVER_CHANGED
from schemas.queue import stream_key
from tests.ingest.edge import CONNECTION, SECRET, TRACK, Answer, basic
from tests.ingest.threaded import Caller, edge_on_a_thread

PATHS = ["/v1/track", "/v1/identify", "/v1/batch", "/import", f"/webhook/{CONNECTION.id}"]
FIELDS = st.sampled_from(
    ["type", "userId", "anonymousId", "event", "messageId", "traits", "context", "writeKey", "User ID", "batch", "x"]
)
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # with NUL and lone surrogates
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | ANY_TEXT, inner, max_size=6),
    max_leaves=20,
)
MESSAGES = JSON | st.dictionaries(FIELDS, JSON).map(lambda fields: {"type": "track"} | fields)


def as_bytes(value: Any) -> bytes:
    """Write JSON as Python's SDKs do: with NaN, and lone surrogates escaped."""
    return json.dumps(value).encode()


ours = settings(max_examples=150)


@pytest.fixture
def caller(redis_url: str) -> Iterator[Caller]:
    with edge_on_a_thread(redis_url) as caller:
        yield caller


def post_bytes(caller: Caller, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    answer: Answer = caller.call(lambda edge: edge.post(path, body=body, headers=headers))
    return answer


@ours
@given(path=st.sampled_from(PATHS), body=st.binary() | st.binary().map(gzip.compress) | JSON.map(as_bytes))
def test_no_body_whatever_is_our_trouble(caller: Caller, path: str, body: bytes) -> None:
    answer = post_bytes(caller, path, body, basic(SECRET))

    assert answer.status in (200, 400)
    assert answer.json["success"] is (answer.status == 200)


@ours
@given(
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "Authentication", "Content-Encoding", "Content-Type", "X-Signature"]),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))),
    )
)
def test_no_header_whatever_is_our_trouble(caller: Caller, headers: dict[str, str]) -> None:
    for path in PATHS:
        assert post_bytes(caller, path, as_bytes(TRACK), headers).status in (400, 401)


@ours
@given(path=st.sampled_from([*PATHS[2:]]), before=st.lists(MESSAGES, max_size=5), after=st.lists(MESSAGES, max_size=5))
def test_no_batch_whatever_loses_a_good_neighbour(
    caller: Caller, path: str, before: list[Any], after: list[Any]
) -> None:

    caller.call(lambda edge: edge.redis.delete(*map(stream_key, range(NEVER_CHANGED.most))))
    messages = [*before, TRACK | {"messageId": "the-good-one"}, *after]
    body = messages if path.startswith("/webhook") else {"batch": messages}

    answer = post_bytes(caller, path, as_bytes(body), basic(SECRET))

    assert answer.status == 200
    pairs = caller.call(lambda edge: edge.pairs())
    assert len(pairs) == len(messages)
    assert "the-good-one" in {pair.message_key for pair in pairs if pair.is_accepted}
