"""JSON as senders write it, made storable: what Segment accepts is read, and Postgres can keep the result."""

import json
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

DEEPEST = 1024
"""The levels that orjson reads at most; it writes a quarter of them."""

_FRAMES_A_LEVEL = 2
"""What a level takes of Python's own limit at most, in a comprehension."""

_ORJSON_INTEGERS = range(-(2**63), 2**64)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


class UnreadableJsonError(ValueError):
    """The text is not JSON, or is nested too deeply."""


def read_json(text: bytes) -> Any:
    """Read JSON text into values that orjson writes and Postgres' jsonb stores.

    `NaN` and infinities become null, a lone surrogate or NUL character becomes U+FFFD, an integer beyond 64 bits
    the nearest float. A byte order mark is skipped. Raises UnreadableJsonError.
    """
    try:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            if "depth limit" in str(error):
                raise RecursionError from None  # without another look at what may be megabytes
            with as_deep_as_orjson():
                return storable(_read_leniently(text))
        # Whether there is any backslash is told much faster, and mostly there is none.
        if b"\\" not in text or b"\\u0000" not in text:
            return value
        with as_deep_as_orjson():
            return storable(value)
    except RecursionError:
        message = "nested too deeply"
        raise UnreadableJsonError(message) from None


@contextmanager
def as_deep_as_orjson() -> Iterator[None]:
    """Let Python go through all that orjson reads, so that a message nested deeply is no harm to its neighbours."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(usual + _FRAMES_A_LEVEL * DEEPEST)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def storable(value: Any) -> Any:
    """Give the value with whatever Postgres or orjson cannot hold replaced."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        return {_UNSTORABLE.sub(_REPLACEMENT, key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and value not in _ORJSON_INTEGERS:
        return _nearest_float(value)
    return value


def _read_leniently(text: bytes) -> Any:
    try:
        return json.loads(text.removeprefix(_BYTE_ORDER_MARK).decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}"
        raise UnreadableJsonError(message) from None
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} at character {error.pos}"
        raise UnreadableJsonError(message) from None
    except ValueError:  # more digits than Python converts to an integer
        message = "not JSON: a number is too long"
        raise UnreadableJsonError(message) from None


def _nearest_float(number: int) -> float | None:
    try:
        return float(number)
    except OverflowError:
        return None
