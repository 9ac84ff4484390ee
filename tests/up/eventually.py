"""Waiting for what other processes do: a condition and a deadline, never a guessed time."""

import time
from collections.abc import Callable
from typing import TypeVar

_Value = TypeVar("_Value")

_POLL_SECONDS = 0.02


def eventually(condition: Callable[[], _Value], within_seconds: float = 20.0) -> _Value:
    """Give the condition's value once it is true; fail the test at the deadline."""
    deadline = time.monotonic() + within_seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not so within {within_seconds} s: {condition}"
        time.sleep(_POLL_SECONDS)
