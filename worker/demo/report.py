"""Shows what came of the demo: as tables on a terminal, or as values for JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.demo.engage import AUDIENCE, COMPUTED_TRAIT
from worker.demo.results import Row, read_results
from worker.demo.shell_lines import lines_for_a_shell

_TRAITS_AT_A_GLANCE = ("title", "seats", COMPUTED_TRAIT.key, AUDIENCE.key, "companySize", "name")
_TRAITS_SHOWN = 2


@dataclass(frozen=True, slots=True)
class _Section:
    """One table: the kind of its rows, its title, and how a row becomes cells, by column heading."""

    kind: str
    title: str
    cells: Mapping[str, Callable[[Row], object]]


_SECTIONS = (
    _Section("accounts", "Accounts", {
        "name": lambda row: row["name"],
        "key": lambda row: row["key"],
        "source": lambda row: row["source"],
        "contacts": lambda row: row["contacts"],
        "last seen (UTC)": lambda row: _minute(row["last_seen_at"]),
    }),
    _Section("contacts", "Contacts", {
        "external_id": lambda row: row["external_id"] or "(anonymous)",
        "email": lambda row: row["email"],
        "account": lambda row: row["account"],
        "ids": lambda row: row["identities"],
        "traits": lambda row: _glance(row["traits"]),
    }),
    _Section("events", "Latest events", {
        "occurred (UTC)": lambda row: _minute(row["occurred_at"]),
        "type": lambda row: row["type"],
        "name": lambda row: row["name"],
        "contact": lambda row: row["contact"],
        "account": lambda row: row["account"],
    }),
    _Section("audience_memberships", "Audience memberships", {
        "audience": lambda row: row["audience"],
        "member": lambda row: row["member"],
        "is in": lambda row: "yes" if row["is_member"] else "no",
        "entered": lambda row: _minute(row["entered_at"]),
        "exited": lambda row: _minute(row["exited_at"]),
    }),
    _Section("merges", "Merges", {
        "previous id": lambda row: row["previous_id"],
        "user id": lambda row: row["user_id"],
        "outcome": lambda row: row["outcome"],
        "reason": lambda row: row["reason"],
    }),
    _Section("dead_letters", "Dead letters, by reason", {
        "reason": lambda row: row["reason"],
        "messages": lambda row: row["messages"],
        "for example": lambda row: row["example"],
    }),
)  # fmt: skip


async def demo_results(
    database_url: str, *, workspace: str, ledger: Mapping[str, int], curl_line: str
) -> dict[str, Any]:
    """Give what `print_demo` prints, as values that JSON can hold; instants are ISO 8601 text.

    Each kind is `{"total": …, "rows": […]}`, with at most a dozen rows; beside them `ledger` and
    `look_for_yourself`, the lines for a shell. Raises OSError or asyncpg's errors without a database.
    """
    sections = await read_results(database_url, workspace)
    results: dict[str, Any] = {
        kind: {
            "total": found[0]["total"] if found else 0,
            "rows": [{name: _plain(row[name]) for name in row if name != "total"} for row in found],
        }
        for kind, found in sections.items()
    }
    return results | {"ledger": dict(ledger), "look_for_yourself": lines_for_a_shell(curl_line)}


async def print_demo(
    database_url: str,
    console: Console,
    *,
    workspace: str,
    ledger: Mapping[str, int],
    curl_line: str,
) -> None:
    """Print what came of the demo in this workspace, a dozen rows of each kind, and how to look for oneself.

    `ledger` is `variance status`'s: accepted, applied, duplicate, suppressed, dead, pending, in messages.
    `curl_line` posts one message. Raises OSError or asyncpg's errors without a database.
    """
    sections = await read_results(database_url, workspace)
    for section in _SECTIONS:
        console.print(_table(section, sections[section.kind]))
    console.print(_ledger_table(ledger))
    console.print("Look for yourself:", style="bold")
    for line in lines_for_a_shell(curl_line):
        # A line to be copied: as it is, however narrow the terminal.
        console.print(Text(f"  {line}"), soft_wrap=True)


def _table(section: _Section, found: list[Row]) -> Table:
    total = found[0]["total"] if found else 0
    table = _empty_table(section.title)
    table.caption = f"{len(found)} of {total}" if total > len(found) else None
    for heading in section.cells:
        table.add_column(heading, overflow="fold")
    for row in found:
        table.add_row(*(_cell(cell(row)) for cell in section.cells.values()))
    return table


def _ledger_table(ledger: Mapping[str, int]) -> Table:
    table = _empty_table("Ledger, in messages")
    for name in ledger:
        table.add_column(name, justify="right")
    table.add_row(*(f"{messages:,}" for messages in ledger.values()))
    return table


def _empty_table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
    )


def _cell(value: object) -> Text:
    """Give the text as it is: an id such as `[object Object]` is no markup."""
    return Text("" if value is None else str(value))


def _minute(instant: datetime | None) -> str:
    return "" if instant is None else instant.strftime("%a %d %b %H:%M")


def _glance(traits: Mapping[str, Any]) -> str:
    names = [name for name in _TRAITS_AT_A_GLANCE if name in traits]
    return ", ".join(f"{name}: {traits[name]}" for name in names[:_TRAITS_SHOWN])


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
