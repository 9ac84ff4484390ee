"""Which dead letters a command is about: options, and what they amount to."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args

import click

from schemas.ids import index_key
from schemas.reasons import Reason
from schemas.timestamps import read_instant
from worker.cli.options import connection_option, read_duration
from worker.store.dead_letters import Wanted

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SPAN = re.compile(r"\d+[smhd]", re.IGNORECASE)


class _LetterId(click.IntRange):
    name = "number of a dead letter"


LETTER_ID = _LetterId(min=1, max=2**63 - 1)


def _read_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read an instant, or how long ago it was. Wrong usage where it is neither."""
    if value is None:
        return None
    if _SPAN.fullmatch(value.strip()):
        return datetime.now(UTC) - read_duration(ctx, param, value)
    instant = read_instant(value)
    if instant is None:
        raise click.BadParameter(f"{value!r} is neither an instant such as 2026-11-25T10:00Z nor a span such as 2h")
    return instant


def filter_options(command: _Command) -> _Command:
    """Add the options that choose dead letters: reason, connection, message_id, since, until."""
    options = (
        click.option("--reason", type=click.Choice(get_args(Reason)), help="Only those that died of this."),
        connection_option,
        click.option("--message-id", metavar="ID", help="Only this message's."),
        click.option("--since", metavar="WHEN", callback=_read_moment,
                     help="Only those that died at this instant or later, or within a span such as 2h."),
        click.option("--until", metavar="WHEN", callback=_read_moment, help="Only those that died before."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def wanted_letters(
    reason: str | None,
    connection: str | None,
    message_id: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Wanted:
    """Give what the options choose."""
    return Wanted(reason, connection, None if message_id is None else index_key(message_id), since, until)
