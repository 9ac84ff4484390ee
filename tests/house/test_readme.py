"""The README's tables of variables and of views, against what reads the ones and makes the others."""

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from schemas.settings import AlarmSettings, ConsoleSettings, LogSettings, WebSettings, WorkerSettings
from worker.cli.servers import GivenServers

_README = (Path(__file__).parents[2] / "README.md").read_text()
_READERS: dict[str, tuple[type[LogSettings], ...]] = {
    "web": (WebSettings,),
    "worker": (WorkerSettings,),
    "console": (ConsoleSettings,),
    "commands": (GivenServers, AlarmSettings),
}
_CODE = re.compile(r"`([^`]+)`")
_PROMETHEUS_OWN = ("worker", "PROMETHEUS_MULTIPROC_DIR")
"""Which the library reads itself."""

_READ = {
    (reader, field.encode_name): field
    for reader, kinds in _READERS.items()
    for kind in kinds
    for field in msgspec.structs.fields(kind)
}


def rows_of(heading: str) -> Iterator[list[str]]:
    """Give the cells of each row of the table that begins with this heading."""
    lines = _README[_README.index(f"\n| {heading} |") + 1 :].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def told_defaults() -> dict[tuple[str, str], str]:
    """Give what the table says is the default of each variable, for each that reads it."""
    told: dict[tuple[str, str], str] = {}
    for variables, of, default, _ in rows_of("variable"):
        names = _CODE.findall(variables)
        readers = list(_READERS) if of == "all" else [reader for reader in of.split(", ") if reader in _READERS]
        keys = [(reader, name) for name in names for reader in readers]
        parts = default.split(", ")
        is_one_each = len(parts) == len(keys) and all(re.fullmatch(r"none|`[^`]+`", part) for part in parts)
        told.update(zip(keys, parts if is_one_each else [default] * len(keys), strict=True))
    return told


_TOLD = told_defaults()


def test_the_table_of_variables_has_each_that_a_process_reads_and_no_other() -> None:
    assert sorted(_TOLD) == sorted([*_READ, _PROMETHEUS_OWN])


@pytest.mark.parametrize(("reader", "name"), _READ)
def test_the_table_of_variables_has_the_default_that_is_used(reader: str, name: str) -> None:
    field, told = _READ[reader, name], _TOLD[reader, name]
    if field.required:
        assert told == ""
    elif field.default is not None:
        assert type(field.default)(_CODE.findall(told)[-1]) == field.default
    elif value := re.fullmatch(_CODE, told):  # else the table says in words what there is in its place
        assert (reader, value[1]) in _READ


async def test_the_table_of_views_has_each_ones_columns_in_their_order(
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    columns = await database.fetch(
        """SELECT table_name AS view, array_agg(column_name::text ORDER BY ordinal_position) AS names
        FROM information_schema.columns WHERE table_schema = 'variance' GROUP BY 1"""
    )
    told = {}
    for view, text in rows_of("view"):
        names = re.sub(r" \(.*?\)", "", text).partition(":")[0].split(", ")
        told[view.strip("`").removeprefix("variance.")] = names
    assert told == {row["view"]: row["names"] for row in columns}
