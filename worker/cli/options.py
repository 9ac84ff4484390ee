"""The options that several commands have."""

import re
from datetime import timedelta
from pathlib import Path

import click

from worker import names
from worker.embedded.data_dir import DEFAULT_DIRECTORY

_DURATION = re.compile(r"(\d{1,5})([smhd])", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

data_option = click.option(
    "--data",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DIRECTORY,
    show_default=True,
    help="The directory of the running `variance up`.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
connection_option = click.option("--connection", metavar="NAME", help="Only this connection.")
workspace_option = click.option(
    "--workspace", metavar="W", help="The connection's workspace, where its name is in several."
)


def read_domains(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> frozenset[str]:
    """Read e-mail domains, into their readable forms. Wrong usage where one is none."""
    try:
        return frozenset(map(names.read_domain, value))
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from None


exclude_domain_option = click.option(
    "--exclude-domain", "excluded_domains", metavar="DOMAIN", multiple=True, callback=read_domains,
    help="An e-mail domain that makes no account, such as your own. May be repeated.",
)  # fmt: skip
include_domain_option = click.option(
    "--include-domain", "included_domains", metavar="DOMAIN", multiple=True, callback=read_domains,
    help="A mail provider's domain that makes an account all the same. May be repeated.",
)  # fmt: skip


def read_duration(_ctx: click.Context, _param: click.Parameter, value: str) -> timedelta:
    """Read a span of time such as `90s`, `30m`, `24h`, `7d`, or `0`. Wrong usage where it is none."""
    if value.strip() == "0":
        return timedelta(0)
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no duration such as 30m, 24h or 7d, of at most five digits")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2].lower()])


def check_name(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Refuse a name that could not be told apart when it is printed."""
    try:
        return None if value is None else names.check_name(value)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from None
