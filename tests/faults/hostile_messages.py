"""Messages that are surely good, surely bad for one reason, or anything."""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from schemas.reasons import Reason
from tests.naughty import TEXTS

_SHORT = [text for text in TEXTS if len(text) <= 1000]
_UNCHANGED = [text for text in _SHORT if not re.search("[\0\ud800-\udfff]", text)]
_WORDS = [text for text in _UNCHANGED if text.strip()]
_BLANKS = ("", " ", "\t", "\u2003", "\n\n")
_NUMBERS = (
    0, 1, -1, 2**31, 2**53 + 1, -(2**63), 2**64 - 1, 0.1, -0.0, 5e-324, 1.7976931348623157e308, -1e-7, 123456.789, 1e22,
)  # fmt: skip
_UNWRITABLE = (float("nan"), float("inf"), float("-inf"), 2**64, -(10**40), 10**400, "\0", "\ud800", "a\0\udfff")
_CALLS: Sequence[dict[str, Any]] = (
    {"type": "identify"}, {"type": "track", "event": "e"}, {"type": "page"}, {"type": "screen", "name": "n"},
    {"type": "group", "groupId": "g"}, {"type": "alias", "previousId": "p"},
)  # fmt: skip
_OBJECTS = ("traits", "properties", "context", "integrations")
_FIELDS = (
    *_OBJECTS, "type", "userId", "anonymousId", "event", "name", "groupId", "previousId", "messageId", "timestamp",
    "sentAt",
    "receivedAt", "originalTimestamp", "writeKey", "User ID", "user_id", "from", "to", "version", "x", "_metadata",
    "batch",
)  # fmt: skip
_DEEP = 300


def good_message(chance: Random, id_: str) -> dict[str, Any]:
    """Make a message that is queued as it is, but for its `receivedAt`."""
    message = dict(chance.choice(_CALLS)) | {"messageId": id_, "userId": chance.choice(_WORDS)}
    for name in ("event", "groupId", "previousId"):
        if name in message:
            message[name] = chance.choice(_WORDS)
    if chance.random() < 0.3:
        message["anonymousId"] = chance.choice(_WORDS)
    for name in _OBJECTS:
        if chance.random() < 0.4:
            message[name] = _object(chance, 0)
    if chance.random() < 0.3:
        message["timestamp"] = chance.choice((*_NUMBERS, *_UNCHANGED))
    if chance.random() < 0.2:
        message[f"x {chance.choice(_UNCHANGED)}"] = _value(chance, 0)
    return message


def bad_element(chance: Random, id_: str) -> tuple[Reason, Any]:
    """Make an element of a batch that is refused, and say for what reason."""
    reason, made = chance.choice(_BAD)(chance)
    if not isinstance(made, dict):
        return reason, made
    return reason, {"type": "page", "userId": "u", "messageId": id_, "x": _value(chance, 0)} | made


def whatever(chance: Random, id_: str) -> Any:
    """Make an element of which nothing is known."""
    if chance.random() < 0.1:
        return chance.choice((*_NUMBERS, *_UNWRITABLE, *_SHORT))
    message = good_message(chance, id_)
    for _ in range(chance.randrange(4)):
        name = chance.choice(_FIELDS)
        match chance.randrange(4):
            case 0:
                message.pop(name, None)
            case 1:
                message[name] = chance.choice((*_UNWRITABLE, *_SHORT))
            case 2:
                message[chance.choice(_SHORT)] = chance.choice(_UNWRITABLE)
            case _:
                message[name] = chance.choice((None, True, [], {}, [1], {"a": None}, _value(chance, 0)))
    return message


def _blank(chance: Random) -> str:
    return chance.choice(_BLANKS)


def _wrong(chance: Random) -> Any:
    return chance.choice(({}, {"a": 1}, [], [1], True, False))


_BAD: Sequence[Callable[[Random], tuple[Reason, Any]]] = (
    lambda chance: ("not_an_object", chance.choice((None, True, 5, -0.5, "text", "", [], [{}], [[]]))),
    lambda chance: ("unknown_type", {"type": chance.choice(("dance", "", " ", "tracks",
    5, True, {}, [], "\u0131dentify"))}),
    lambda _: ("missing_field", {"type": None}),
    lambda _: ("missing_field", {"type": "track"}),
    lambda chance: ("missing_field", {"type": "track", "event": _blank(chance)}),
    lambda chance: ("missing_field", {"type": "group", "groupId": chance.choice((None, _blank(chance)))}),
    lambda chance: ("missing_field", {"type": "alias", "previousId": _blank(chance)}),
    lambda chance: ("invalid_field", {"type": "track", "event": chance.choice((None, 5, 0.5, _wrong(chance)))}),
    lambda chance: ("invalid_field", {chance.choice(("userId", "anonymousId")): _wrong(chance)}),
    lambda chance: ("invalid_field", {chance.choice(("name", "category")): _wrong(chance)}),
    lambda chance: ("invalid_field", {chance.choice(_OBJECTS[1:]): chance.choice(("x", 5, True, [1], [{}]))}),
    lambda chance: ("missing_id", {"userId": chance.choice((None, _blank(chance)))}),
    lambda chance: ("missing_id", {"type": "alias", "previousId": "p", "anonymousId": "a", "userId": _blank(chance)}),
    lambda _: ("nested_too_deeply", {"properties": _deep()}),
)


def _deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(_DEEP):
        value = {"a": value}
    return value


def _value(chance: Random, depth: int) -> Any:
    match chance.randrange(8 if depth < 3 else 6):
        case 0 | 1 | 2:
            return chance.choice(_UNCHANGED)
        case 3 | 4:
            return chance.choice(_NUMBERS)
        case 5:
            return chance.choice((None, True, False, {}, []))
        case 6:
            return [_value(chance, depth + 1) for _ in range(chance.randrange(4))]
        case _:
            return _object(chance, depth + 1)


def _object(chance: Random, depth: int) -> dict[str, Any]:
    return {chance.choice(_UNCHANGED): _value(chance, depth) for _ in range(chance.randrange(4))}
