"""The house's rules, as far as a test can keep them."""

import ast
from importlib.resources import files
from pathlib import Path

import asyncpg
import pytest

import worker.sql

_ROOT = Path(__file__).parents[2]
_MAY_IMPORT = {"schemas": {"schemas"}, "ingest": {"ingest", "schemas"}, "worker": {"worker", "schemas"}}
_STATEMENTS = sorted(path.name for path in files(worker.sql).iterdir() if path.name.endswith(".sql"))


def imported_by(source: Path) -> set[str]:
    """Give the top-level packages that a file imports."""
    nodes = list(ast.walk(ast.parse(source.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("package", list(_MAY_IMPORT))
def test_ingest_and_worker_import_schemas_and_never_each_other(package: str) -> None:
    ours = _MAY_IMPORT.keys() | {"tests"}
    for source in (_ROOT / package).rglob("*.py"):
        assert imported_by(source) & ours <= _MAY_IMPORT[package], source


@pytest.mark.parametrize("name", _STATEMENTS)
async def test_every_statement_fits_the_migrated_database(
    database: "asyncpg.Connection[asyncpg.Record]", name: str
) -> None:
    text = files(worker.sql).joinpath(name).read_text()
    assert text.startswith("-- "), "a statement says what it is for"
    await database.prepare(text)


def test_every_statement_has_a_caller_and_every_caller_a_statement() -> None:
    called: set[str] = set()
    for source in (_ROOT / "worker").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "statement":
                called.update(str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))
    assert {f"{name}.sql" for name in called} == set(_STATEMENTS)


async def test_no_index_beside_the_keys_leads_to_a_whole_workspace(
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """On a table without statistics Postgres would read that, where a thousand keys are to be looked up."""
    leading = await database.fetch(
        """SELECT i.indexrelid::regclass::text AS name
        FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
        WHERE t.relnamespace = 'variance_data'::regnamespace AND NOT i.indisunique AND i.indpred IS NULL
            AND a.attname = 'workspace_id'"""
    )
    assert leading == []
