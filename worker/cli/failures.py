"""Foreseeable failures, each told in one line: what is wrong, and what to do."""

from schemas.foreseen import ForeseenError
from worker.failure_reason import first_line, reason_of


class CommandError(ForeseenError):
    """The command cannot do what it was asked for; the text is one line that says why and what to do."""


class ServerUnavailableError(CommandError):
    """A server that the command needs cannot be reached, or does not let us in."""


def explain(failure: BaseException) -> str | None:
    """Say in one line what went wrong; None for what nobody could foresee.

    Nothing that a message held is told: of a server's text only the part that describes the failure.
    """
    if isinstance(failure, ForeseenError):
        return first_line(str(failure))
    # What no command has loaded has not failed, and loading it takes longer than many a command.
    import asyncpg  # noqa: PLC0415
    from redis.exceptions import RedisError  # noqa: PLC0415

    from worker.failure import POSTGRES_AWAY, ConcurrentChangeError  # noqa: PLC0415

    if isinstance(failure, ConcurrentChangeError):
        return "others kept on changing the same contacts: try again"
    if isinstance(failure, OSError):
        return f"{failure.filename}: {reason_of(failure)}" if failure.filename else reason_of(failure)
    if isinstance(failure, POSTGRES_AWAY):
        not_migrated = asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError
        is_missing = isinstance(failure, not_migrated)
        return f"Postgres: {'run `variance migrate` first: ' if is_missing else ''}{first_line(str(failure))}"
    if isinstance(failure, RedisError):
        return f"Redis: {reason_of(failure)}"
    return None


def explain_server(failure: BaseException) -> str:
    """Say in one line why a server cannot be used, of whatever its client raises then."""
    return explain(failure) or reason_of(failure)
