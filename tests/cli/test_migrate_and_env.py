import asyncio
from pathlib import Path

import asyncpg

from tests.cli.command import Variance
from worker.store.holding import holding


async def test_migrate_needs_the_database_only_and_is_safe_from_two_places(postgres_url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("CREATE DATABASE to_be_migrated")
        variance = Variance(tmp_path, {"DATABASE_URL": postgres_url.rpartition("/")[0] + "/to_be_migrated"})
        both = await asyncio.gather(variance("migrate", "--json"), variance("migrate", "--json"))
        applied = sorted((ended.json["applied"] for ended in both), key=len)
        assert (applied[0], applied[1][0]) == ([], "0001_initial")
        assert (await variance("migrate")).out == "the database is at this version already\n"
        assert (await variance("connections", "list", "--json")).json == []
    finally:
        await connection.execute("DROP DATABASE to_be_migrated WITH (FORCE)")
        await connection.close()


async def test_who_holds_a_lock_or_waits_for_it_keeps_nobody_from_building_an_index(
    database_url: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await database.execute("CREATE TABLE variance_data.built (number integer)")
    async with holding(database_url, 1) as is_held:
        waiting = asyncio.create_task(_hold_once(database_url, 1))
        await database.execute("CREATE INDEX CONCURRENTLY built_by_number ON variance_data.built (number)", timeout=30)
        assert is_held is not None
        await is_held()
        assert not waiting.done()
        async with holding(database_url, 1, waits_seconds=0) as second:
            assert second is None
    assert await waiting


async def _hold_once(database_url: str, lock: int) -> bool:
    async with holding(database_url, lock) as is_held:
        return is_held is not None


async def test_env_prints_values_and_nothing_else(variance: Variance) -> None:
    given = variance.environ
    assert (await variance("env", "DATABASE_URL")).out == given["DATABASE_URL"] + "\n"
    assert (await variance("env", "REDIS_URL")).out == given["REDIS_URL"] + "\n"
    lines = (await variance("env")).out.splitlines()
    assert lines == [f"{name}={given[name]}" for name in ("DATABASE_URL", "REDIS_URL")]
    assert (await variance("env", "--json")).json == {name: given[name] for name in ("DATABASE_URL", "REDIS_URL")}
    assert (await variance("env", "REDIS_URL", "--json")).json == {"REDIS_URL": given["REDIS_URL"]}
