"""What commands print: results on standard output, everything else on standard error."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson

_INSTANT = "%Y-%m-%d %H:%M:%S %Z"
_WIDTH_WITHOUT_TERMINAL = 1000  # a file or a pipe breaks no lines


def print_json(value: Any) -> None:
    """Print a result as the one JSON document on standard output. Instants are ISO 8601, in UTC."""
    # asyncpg's ids are a kind of UUID that orjson does not know.
    click.echo(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def tell(text: str) -> None:
    """Say a line beside the result."""
    click.echo(f"variance: {text}", err=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print rows as a table. A cell is shown as it is, in full: it may be copied into the next command."""
    # Loading it takes longer than the commands that print no table.
    from rich import box  # noqa: PLC0415 (see above)
    from rich.console import Console  # noqa: PLC0415 (see above)
    from rich.table import Table  # noqa: PLC0415 (see above)
    from rich.text import Text  # noqa: PLC0415 (see above)

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    rows = list(rows)
    for number, column in enumerate(columns):
        is_number = all(type(row[number]) in (int, float) for row in rows)
        table.add_column(column, overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text(cell_text(value)) for value in row))
    Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL).print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values, a line each, without breaking any."""
    fields = list(fields)
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        click.echo(f"{name:<{width}}  {cell_text(value)}")


def cell_text(value: object) -> str:
    """Write a value for people: nothing for None, thousands apart, instants in UTC."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    strftime = getattr(value, "strftime", None)
    return strftime(_INSTANT) if strftime else str(value)
