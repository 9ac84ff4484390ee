"""Foreseeable failures, each told in one line: what is wrong, and what to do."""

import os

import asyncpg
from redis.exceptions import RedisError

from schemas.settings import SettingsError
from worker.demo.send import DemoNotSentError
from worker.embedded.data_dir import DataDirectoryError
from worker.embedded.failure import EmbeddedServerError
from worker.failure import ConcurrentChangeError
from worker.migrate import MigrationError
from worker.rebuild import RebuildError
from worker.up.failure import UpError


class CommandError(Exception):
    """The command cannot do what it was asked for; the text is one line that says why and what to do."""


class ServerUnavailableError(CommandError):
    """A server that the command needs cannot be reached, or does not let us in."""


_TOLD_ALREADY = (
    CommandError, SettingsError, DataDirectoryError, EmbeddedServerError, UpError, MigrationError, DemoNotSentError,
    RebuildError,
)  # fmt: skip
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


def explain(failure: BaseException) -> str | None:
    """Say in one line what went wrong; None for what nobody could foresee.

    Nothing that a message held is told: of a server's text only the part that describes the failure.
    """
    if isinstance(failure, _TOLD_ALREADY):
        return _first_line(str(failure))
    if isinstance(failure, ConcurrentChangeError):
        return "others kept on changing the same contacts: try again"
    if isinstance(failure, asyncpg.PostgresError | asyncpg.InterfaceError):
        is_missing = isinstance(failure, _NOT_MIGRATED)
        return f"Postgres: {'run `variance migrate` first: ' if is_missing else ''}{_first_line(str(failure))}"
    if isinstance(failure, RedisError):
        return f"Redis: {reason_of(failure)}"
    if isinstance(failure, OSError):
        return f"{failure.filename}: {reason_of(failure)}" if failure.filename else reason_of(failure)
    return None


def reason_of(failure: BaseException) -> str:
    """Give the reason of a server's or the system's failure as a short phrase."""
    if isinstance(failure, TimeoutError) and not str(failure):
        return "it does not answer in time"
    if isinstance(failure, RedisError) and isinstance(failure.__context__, OSError):
        return reason_of(failure.__context__)
    if isinstance(failure, ConnectionError) and failure.errno:
        return os.strerror(failure.errno).lower()  # without the address that asyncio puts in its place
    if isinstance(failure, OSError) and failure.strerror:
        return _first_line(failure.strerror)
    # redis-py repeats a pipeline's command, with its arguments, before the cause.
    return _first_line(str(failure).rpartition("of pipeline caused error: ")[2]) or type(failure).__name__


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(". ") if lines else ""
