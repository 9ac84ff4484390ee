"""Passwords: hashed with argon2id, checked beside the event loop, and not to be guessed in a hurry."""

import asyncio
import time
from collections import deque

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST_PASSWORD = 12
_LONGEST_PASSWORD = 1024
_MOST_FAILURES = 8
_FORGET_SECONDS = 300.0
_MOST_NAMES = 10_000
_HASHES_AT_ONCE = 2  # each takes 64 MiB

_HASHER = PasswordHasher()


class TooManyFailuresError(Exception):
    """Too many wrong passwords were given for this name lately."""


def password_fault(password: str) -> str | None:
    """Say what is wrong with a password that somebody wants; None where it will do."""
    if len(password) < SHORTEST_PASSWORD:
        return f"a password has at least {SHORTEST_PASSWORD} characters"
    return f"a password has at most {_LONGEST_PASSWORD} characters" if len(password) > _LONGEST_PASSWORD else None


def hash_password(password: str) -> str:
    """Hash a password. Takes some hundredths of a second on purpose."""
    return _HASHER.hash(password)


class PasswordChecks:
    """Checks passwords, and counts the wrong ones of each name."""

    def __init__(self) -> None:
        self._failed_at: dict[str, deque[float]] = {}
        self._turns = asyncio.Semaphore(_HASHES_AT_ONCE)
        self._nobodys_hash: str | None = None

    async def is_right(self, name: str, password: str, password_hash: str | None) -> bool:
        """Tell whether a password is the one that was hashed. Takes as long where nobody has it (None).

        Raises TooManyFailuresError where a name was tried too often in the last minutes.
        """
        failures = self._failures(name)
        if len(failures) >= _MOST_FAILURES:
            raise TooManyFailuresError
        failures.append(time.monotonic())  # before the check, so that tries at the same time count, too
        async with self._turns:
            given = password[: _LONGEST_PASSWORD + 1]
            if self._nobodys_hash is None:
                self._nobodys_hash = await asyncio.to_thread(hash_password, "nobody has this one")
            is_right = await asyncio.to_thread(_is_right, given, password_hash or self._nobodys_hash)
        if is_right and password_hash is not None:
            self._failed_at.pop(name, None)
            return True
        return False

    def _failures(self, name: str) -> deque[float]:
        """Give when wrong passwords were given for a name lately."""
        if len(self._failed_at) > _MOST_NAMES:
            self._failed_at.clear()
        failures = self._failed_at.setdefault(name, deque())
        while failures and failures[0] < time.monotonic() - _FORGET_SECONDS:
            failures.popleft()
        return failures


def _is_right(password: str, password_hash: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
