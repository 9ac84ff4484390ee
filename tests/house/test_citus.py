"""What Citus refuses is in no statement, view or table."""

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import pytest

import worker.sql
from tests.house.citus_rules import asks_all_nodes, refusals
from tests.house.citus_scopes import Known
from tests.security.rights import block
from worker.placement import Place, place_of
from worker.store import folded
from worker.store.scratch import FOLDED_TABLES

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

_STATEMENTS = sorted(path.name for path in files(worker.sql).iterdir() if path.name.endswith(".sql"))
_ASK_ALL_NODES = {
    "it goes through the whole log": {
        "count_arrivals", "count_messages", "read_all_withdrawals", "read_log", "read_tail",
    },
    "a rebuild may be one of all workspaces": {"sum_tombstones"},
    "somebody looks at the dead letters of all workspaces": {
        "count_dead_letters", "count_recent_deaths", "list_dead_letters", "list_letters_of_reason",
        "read_last_dead_letter", "read_refused",
    },
    "a dead letter is known by its number alone": {"delete_dead_letter", "read_dead_letter"},
    "somebody looks for a message or a contact, wherever it is": {
        "explain_candidates", "find_logged_message", "find_receipts", "read_whole_message",
    },
    "a connection is known by its id alone": {"find_dead_letter", "find_last_error"},
    "the views have the workspace's name": {"export_contact"},
    "somebody tidies up for all workspaces": {"list_long_stale_words", "read_stale_words"},
}  # fmt: skip
"""The statements that no node can answer alone, which takes longer the more nodes there are, by the reason why."""
_REFUSED = [text for text in (Path(__file__).parent / "refused_by_citus.sql").read_text().split(";\n") if text]


@pytest.fixture
async def known(database: "Connection") -> Known:
    """What the rules have to know of a migrated database."""
    tables = await database.fetch(worker.sql.statement("list_tables"))
    kinds: dict[str, set[str]] = {}
    for row in await database.fetch("SELECT proname, provolatile::text FROM pg_proc"):
        kinds.setdefault(row["proname"], set()).add(row["provolatile"])
    # Which of its forms a name stands for is not to be seen, so one that has an immutable form counts as that.
    return Known(
        {row["name"]: place_of(row["name"], has_workspace=row["has_workspace"]) for row in tables},
        {name for name, found in kinds.items() if found == {"s"}},
        {name for name, found in kinds.items() if found == {"v"}},
    )


async def test_every_statement_is_one_that_citus_takes(known: Known) -> None:
    texts = {name: files(worker.sql).joinpath(name).read_text() for name in _STATEMENTS}
    texts |= {f"removal from {table}": folded.removal_statement(table, key) for table, key in FOLDED_TABLES.items()}
    for table, key in FOLDED_TABLES.items():
        texts[f"upsert of {table}"] = folded.upsert_statement(table, key, [*key, "traits"])
        texts[f"differences of {table}"] = folded.differences_statement(table, key)
    for name in (
        "MOVE_MESSAGES", "COUNT_MOVED_CONTACTS", "MOVED_CONTACTS", "MARK_CONTACTS", "MARK_ACCOUNTS", "REMOVE_WORDS"
    ):  # fmt: skip
        texts[name] = getattr(folded, name)
    assert {name: found for name, text in texts.items() if (found := refusals(text, known))} == {}


async def test_every_statement_names_the_workspace_unless_it_has_a_reason_to_ask_all_nodes(known: Known) -> None:
    texts = {name: files(worker.sql).joinpath(name).read_text() for name in _STATEMENTS}
    found = {name.removesuffix(".sql") for name, text in texts.items() if asks_all_nodes(text, known)}
    assert found == set().union(*_ASK_ALL_NODES.values())


async def test_every_view_is_one_that_citus_takes(database: "Connection", known: Known) -> None:
    views = await database.fetch("SELECT viewname, definition FROM pg_views WHERE schemaname = 'variance'")
    assert len(views) > 5
    assert {view: found for view, text in views if (found := refusals(text, known))} == {}


async def test_the_readme_lets_an_analyst_on_citus_read_what_the_views_are_made_of(database: "Connection") -> None:
    used = await database.fetch(
        """SELECT DISTINCT u.table_name FROM information_schema.view_table_usage u
        WHERE u.view_schema = 'variance' AND u.table_schema = 'variance_data'"""
    )
    granted = re.findall(r"variance_data\.(\w+)", block("postgres roles on citus"))
    assert sorted(granted) == sorted(row["table_name"] for row in used)


async def test_what_citus_refuses_is_found(known: Known) -> None:
    assert [sql for sql in _REFUSED if len(refusals(sql, known)) != 1] == []


async def test_every_key_of_a_table_begins_with_the_workspace(database: "Connection", known: Known) -> None:
    keys = await database.fetch(
        """SELECT t.relname AS table, i.indexrelid::regclass::text AS key, a.attname AS first
        FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
        WHERE t.relnamespace = 'variance_data'::regnamespace AND (i.indisunique OR i.indisexclusion)"""
    )
    spread = [key for key in keys if known.places[key["table"]] is Place.WORKSPACE]
    assert len(spread) >= 12
    assert [key["key"] for key in spread if key["first"] != "workspace_id"] == []


async def test_no_table_that_is_spread_has_what_citus_cannot_spread(database: "Connection", known: Known) -> None:
    columns = await database.fetch(
        """SELECT t.relname AS table, a.attname AS name, a.attidentity <> '' AS is_identity,
            a.attgenerated <> '' AS is_generated, format_type(a.atttypid, a.atttypmod) AS type,
            coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS default
        FROM pg_attribute a
        JOIN pg_class t ON t.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
        WHERE t.relnamespace = 'variance_data'::regnamespace AND t.relkind = 'r' AND a.attnum > 0"""
    )
    spread = [column for column in columns if known.places[column["table"]] is Place.WORKSPACE]
    assert {column["type"] for column in spread if column["name"] == "workspace_id"} == {"bigint"}
    assert {column["type"] for column in spread if "nextval" in column["default"]} == {"bigint"}
    assert [column["name"] for column in spread if column["is_identity"]] == []
    assert [column["name"] for column in spread if column["is_generated"] and column["name"] == "workspace_id"] == []


async def test_no_table_that_is_spread_has_triggers_or_refers_across_workspaces(
    database: "Connection", known: Known
) -> None:
    spread = [table for table, place in known.places.items() if place is not Place.COORDINATOR]
    triggers = await database.fetch(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY($1)",
        [f"variance_data.{table}" for table in spread],
    )
    assert triggers == []
    references = await database.fetch(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text = ANY($1)",
        [f"variance_data.{table}" for table in spread],
    )
    assert references == []
    policies = await database.fetch("SELECT polname FROM pg_policy")
    assert policies == []
