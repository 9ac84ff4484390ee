"""Which messages are accepted, and in which form: pure functions, without an endpoint."""

import copy
import itertools
import re
from collections import ChainMap
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.acceptance import Accepted, Refused, accept

_NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_UNKNOWN = {"somethingElse": 1}

_IDS = ("u1", "U 2", "7", "", " ", "\n", "x" * 300, 7, 0, 1.5, None, True, ["u1"])
_OBJECTS: Sequence[Any] = ({}, {"a": {"b": []}}, None, [], [1], "a", 1)
_INSTANTS = ("2026-11-23T12:00:00.000Z", "yesterday", "", 1_790_000_000, None)
_TYPES = ("track", "identify", "page", "screen", "group", "alias", "delete", "Track", " track", 1, None)
_VALUES: dict[str, Sequence[Any]] = {
    "type": _TYPES,
    **dict.fromkeys(("messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name", "category"), _IDS),
    **dict.fromkeys(("traits", "properties", "context", "integrations"), _OBJECTS),
    **dict.fromkeys(("timestamp", "originalTimestamp", "sentAt", "receivedAt"), _INSTANTS),
    **dict.fromkeys(("writeKey", "version", "channel", "_metadata", "projectId"), ("a", 2, None, {})),
}
_USUAL: Sequence[dict[str, Any]] = [
    {"type": "track", "event": "Signed Up", "messageId": "m1", "userId": "u1", "anonymousId": "a1", "properties": {}},
    {"type": "identify", "messageId": "m1", "userId": "u1", "traits": {"plan": "pro"}, "context": {"ip": "::1"}},
    {"type": "group", "messageId": "m1", "userId": None, "anonymousId": "a1", "groupId": "g1", "traits": {}},
    {"type": "page", "messageId": "m1", "anonymousId": "a1", "name": "Home", "writeKey": "k", "_metadata": {}},
]
_CHANGES = [{name: value} for name, values in _VALUES.items() for value in values]
_CALL_TYPES = (None, "track", "identify", "page", "group")
_MESSAGES = st.builds(
    lambda usual, changes, removed: {
        name: value for name, value in dict(ChainMap(*changes, usual)).items() if name not in removed
    },
    st.sampled_from(_USUAL),
    st.lists(st.sampled_from(_CHANGES), max_size=4),
    st.sets(st.sampled_from(list(_VALUES)), max_size=2),
)


def judge(message: dict[str, Any], **how: Any) -> tuple[Any, ...]:
    """Give what became of a message, but for an id that was made up for it and for the unknown field."""
    judged = accept(copy.deepcopy(message), _NOW, **how)
    if isinstance(judged, Refused):
        return judged.reason, judged.detail
    body = orjson.loads(judged.body)
    is_made_up = body["messageId"] not in map(str, message.values())
    ours = _UNKNOWN.keys() | ({"messageId"} if is_made_up else set())
    key = None if is_made_up else judged.message_key
    return judged.sender, key, {name: value for name, value in body.items() if name not in ours}


@given(_MESSAGES, st.sampled_from(_CALL_TYPES), st.booleans())
def test_a_field_that_nobody_knows_changes_nothing_about_a_message(
    message: dict[str, Any], call_type: str | None, from_segment: bool
) -> None:
    how = {"call_type": call_type, "from_segment": from_segment}
    assert judge(message, **how) == judge(message | _UNKNOWN, **how)


@pytest.mark.parametrize("call_type", _CALL_TYPES)
def test_nor_does_it_where_one_field_is_odd(call_type: str | None) -> None:
    for usual, change in itertools.product(_USUAL, _CHANGES):
        message = usual | change
        assert judge(message, call_type=call_type) == judge(message | _UNKNOWN, call_type=call_type), message


@pytest.mark.parametrize("write", [str.upper, lambda name: re.sub("([A-Z])", r"_\1", name).lower()])
def test_a_field_is_the_same_however_its_name_is_written(write: Callable[[str], str]) -> None:
    for usual in _USUAL:
        for name in usual.keys() - {"_metadata"}:
            renamed = {write(field) if field == name else field: value for field, value in usual.items()}
            assert judge(renamed) == judge(usual), renamed


def test_a_field_that_nobody_knows_is_kept() -> None:
    judged = accept(_USUAL[0] | _UNKNOWN, _NOW)
    assert isinstance(judged, Accepted)
    assert orjson.loads(judged.body) == _USUAL[0] | _UNKNOWN | {"receivedAt": "2026-11-23T12:00:00.000Z"}


@given(_MESSAGES, st.booleans())
def test_a_write_key_is_kept_neither_of_an_accepted_message_nor_of_a_refused_one(
    message: dict[str, Any], is_known: bool
) -> None:
    judged = accept(copy.deepcopy(message) | {"writeKey": "secret"} | ({} if is_known else _UNKNOWN), _NOW)
    assert "secret" not in (judged.body if isinstance(judged, Refused) else judged.body.decode())
