"""Foreseeable failures, each told in one line: what is wrong, and what to do."""

import asyncpg
from redis.exceptions import RedisError

from schemas.settings import SettingsError
from worker.demo.send import DemoNotSentError
from worker.embedded.data_dir import DataDirectoryError
from worker.embedded.failure import EmbeddedServerError
from worker.failure import ConcurrentChangeError
from worker.failure_reason import first_line, reason_of
from worker.migrate import MigrationError
from worker.new_connection import NameTakenError
from worker.rebuild import RebuildError
from worker.up.failure import UpError


class CommandError(Exception):
    """The command cannot do what it was asked for; the text is one line that says why and what to do."""


class ServerUnavailableError(CommandError):
    """A server that the command needs cannot be reached, or does not let us in."""


_TOLD_ALREADY = (
    CommandError, SettingsError, DataDirectoryError, EmbeddedServerError, UpError, MigrationError, DemoNotSentError,
    RebuildError, NameTakenError,
)  # fmt: skip
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


def explain(failure: BaseException) -> str | None:
    """Say in one line what went wrong; None for what nobody could foresee.

    Nothing that a message held is told: of a server's text only the part that describes the failure.
    """
    if isinstance(failure, _TOLD_ALREADY):
        return first_line(str(failure))
    if isinstance(failure, ConcurrentChangeError):
        return "others kept on changing the same contacts: try again"
    if isinstance(failure, asyncpg.PostgresError | asyncpg.InterfaceError):
        is_missing = isinstance(failure, _NOT_MIGRATED)
        return f"Postgres: {'run `variance migrate` first: ' if is_missing else ''}{first_line(str(failure))}"
    if isinstance(failure, RedisError):
        return f"Redis: {reason_of(failure)}"
    if isinstance(failure, OSError):
        return f"{failure.filename}: {reason_of(failure)}" if failure.filename else reason_of(failure)
    return None
