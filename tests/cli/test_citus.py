from pathlib import Path

import asyncpg
import pytest

from tests.cli.command import Variance

_STAND_IN = Path(__file__).parent / "stand_in_for_citus.sql"


@pytest.fixture
async def migrating(tmp_path: Path, database_url: str) -> Variance:
    """The command, on a database of which it takes Citus to be there."""
    database = await asyncpg.connect(database_url)
    try:
        await database.execute(_STAND_IN.read_text())
    finally:
        await database.close()
    return Variance(tmp_path, {"DATABASE_URL": database_url})


async def test_check_tells_what_is_to_be_done_and_migrate_does_it_once(migrating: Variance) -> None:
    before = await migrating("migrate", "--check", "--json")
    assert (before.exit_code, before.document["is_current"], before.document["missing"]) == (1, False, [])
    assert "run `variance migrate`" in (await migrating("migrate", "--check")).failure
    assert (await migrating("migrate", "--json")).json["placed"] == before.document["not_placed"]
    assert (await migrating("migrate", "--json")).json == {"applied": [], "placed": []}
    after = (await migrating("migrate", "--check", "--json")).json
    assert (after["is_current"], after["has_citus"], after["not_placed"]) == (True, True, [])


async def test_what_others_join_is_everywhere_and_what_belongs_to_a_workspace_is_spread(
    migrating: Variance, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await migrating("migrate")
    calls = [tuple(row) for row in await database.fetch(
        "SELECT citus_table_type, split_part(table_name::text, '.', 2) FROM citus_calls ORDER BY number"
    )]  # fmt: skip
    placed = {table: place for place, table in calls if place != "truncated"}
    of_workspaces = await database.fetch(
        """SELECT t.relname FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'workspace_id'
        WHERE t.relkind = 'r' AND t.relnamespace = 'variance_data'::regnamespace"""
    )
    assert {table for table, place in placed.items() if place == "distributed"} == {
        row["relname"] for row in of_workspaces
    } - {"connections", "retention"}
    assert {table for table, place in placed.items() if place == "reference"} == {
        "connections", "retention", "workspaces",
    }  # fmt: skip
    assert placed["ledger"] == "local"
    # What lay here before would lie here for good.
    assert {table for place, table in calls if place == "truncated"} == placed.keys() - {"ledger"}


async def test_a_table_in_the_wrong_place_is_told(
    migrating: Variance, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await migrating("migrate")
    await database.execute("UPDATE citus_calls SET citus_table_type = 'local' WHERE table_name::text LIKE '%claims'")
    await database.execute("UPDATE citus_calls SET colocation_id = 2 WHERE table_name::text LIKE '%conflicts'")
    assert "wrong place: claims, conflicts" in (await migrating("migrate", "--check")).failure


async def test_a_coordinator_that_was_not_told_of_itself_keeps_the_ledger_to_itself(
    migrating: Variance, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("DELETE FROM pg_dist_node")
    assert "ledger" not in (await migrating("migrate", "--json")).json["placed"]
    assert (await migrating("migrate", "--check", "--json")).json["is_current"]


async def test_without_citus_check_looks_at_the_migrations_only(tmp_path: Path, database_url: str) -> None:
    variance = Variance(tmp_path, {"DATABASE_URL": database_url})
    answer = (await variance("migrate", "--check", "--json")).json
    assert (answer["is_current"], answer["has_citus"]) == (True, False)
    plain = Variance(tmp_path, {"DATABASE_URL": database_url.rpartition("/")[0] + "/postgres"})
    missing = await plain("migrate", "--check", "--json")
    assert (missing.exit_code, missing.document["missing"][0]) == (1, "0001_initial")
