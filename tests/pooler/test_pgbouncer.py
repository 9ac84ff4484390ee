import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.cli.command import Variance
from tests.pooler.bouncer import keeps_statements, pgbouncer
from tests.statements import execute
from tests.system import running_system
from tests.waiting import eventually
from worker.exporting.export import one_moment
from worker.retention.trim import trim_due
from worker.store.database import connect, server_settings
from worker.store.pooler import Opener

_REFUSING = ""
_IGNORING = "ignore_startup_parameters = " + ",".join(server_settings("", 1))
_TOLD = "Postgres is behind a pooler in transaction mode"


@pytest.fixture(params=[_REFUSING, _IGNORING], ids=["refusing settings", "ignoring settings"])
async def pooled_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database behind a PgBouncer, whose own setting risks what was committed."""
    database = await asyncpg.connect(database_url)
    try:
        name = urlsplit(database_url).path.lstrip("/")
        await database.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    finally:
        await database.close()
    async with pgbouncer(database_url, tmp_path, request.param) as url:
        yield url


async def test_the_whole_system_works_behind_pgbouncer_and_says_so(
    redis_url: str, database_url: str, pooled_url: str
) -> None:
    with capture_logs() as logs:
        async with running_system(redis_url, database_url, with_worker=False) as system:
            system.database_url = pooled_url
            await system.start_worker()
            calls = [
                {"type": "identify", "userId": f"u{number % 40}", "messageId": f"m{number}", "traits": {"n": number}}
                for number in range(400)
            ]
            await asyncio.gather(*(
                system.post("/webhook/defaultmain", calls[first : first + 20], "defaultmain")
                for first in range(0, 400, 20)
            ))
            await system.settled()
            assert (await system.ledger())["applied"] == 400
            assert len(await system.contacts()) == 40
    assert len([line for line in logs if line["event"] == _TOLD]) == 1
    assert [line for line in logs if line["log_level"] in ("warning", "error")] == []


async def test_every_transaction_begins_with_the_settings_that_the_promises_rest_on(pooled_url: str) -> None:
    wanted = server_settings("variance test", 7)
    pool = asyncpg.create_pool(pooled_url, min_size=3, max_size=3, connect=Opener(wanted))
    async with pool:
        for _ in range(12):
            async with pool.acquire() as database, database.transaction():
                rows = await database.fetch(
                    # What is of an extension that is not there has no row.
                    """SELECT n.name, coalesce(s.setting, current_setting(n.name)) AS setting
                    FROM unnest($1::text[]) n (name) LEFT JOIN pg_settings s ON lower(s.name) = n.name""",
                    list(wanted),
                )
                assert {row["name"]: row["setting"] for row in rows} == wanted
        # What is no transaction to us is one all the same.
        assert await pool.fetchval("SELECT current_setting('synchronous_commit')") == "on"
        assert await pool.fetchval("SELECT current_setting('statement_timeout') || $1::text", "") == "7s"


@pytest.mark.parametrize("kept", [0, 50])
async def test_statements_are_prepared_where_and_only_where_the_pooler_keeps_them(
    database_url: str, tmp_path: Path, kept: int
) -> None:
    settings = [f"max_prepared_statements = {kept}"] if keeps_statements() else []
    async with pgbouncer(database_url, tmp_path, *settings) as url:
        opener = Opener(server_settings("variance test", 7), announces=True)
        with capture_logs() as logs:
            async with asyncpg.create_pool(url, min_size=3, max_size=3, connect=opener) as pool:
                # More statements than are kept, each on whichever of the server's connections is its turn.
                queries = [f"SELECT $1::int + {number % 60}" for number in range(180)]
                found = await asyncio.gather(*(pool.fetchval(query, 1) for query in queries))
        assert found == [1 + number % 60 for number in range(180)]
    (told,) = logs
    assert told["keeps_prepared_statements"] is bool(settings and kept)


async def test_a_plain_postgres_is_not_taken_for_a_pooler(database_url: str) -> None:
    with capture_logs() as logs:
        connection = await Opener(server_settings("variance test", 7), announces=True)(database_url)
        try:
            assert await connection.fetchval("SHOW statement_timeout") == "7s"
            assert type(connection) is asyncpg.Connection
        finally:
            await connection.close()
    assert logs == []


async def test_one_process_trims_at_a_time_behind_pgbouncer(
    database: "asyncpg.Connection[asyncpg.Record]", pooled_url: str, tmp_path: Path, redis_url: str
) -> None:
    variance = Variance(tmp_path, {"DATABASE_URL": pooled_url, "REDIS_URL": redis_url})
    await variance("connections", "add", "app")
    assert (await variance("retention", "set", "400d")).exit_code == 0

    async def is_locked() -> bool:
        return bool(await database.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))

    opener = Opener(server_settings("variance test", 7))
    async with asyncpg.create_pool(pooled_url, min_size=6, max_size=6, connect=opener) as pool:
        async with database.transaction():
            await database.fetch("SELECT FROM variance_data.retention")  # a trim waits for whoever has read that
            trimming = asyncio.create_task(trim_due(pool, datetime.now(UTC), lambda: False))
            await eventually(is_locked, "the trim to begin")
            await asyncio.gather(*(pool.fetchval("SELECT 1") for _ in range(100)))
            assert await is_locked()
        await trimming
    assert not await is_locked()


async def test_commands_that_hold_a_lock_over_transactions_work_behind_pgbouncer(
    pooled_url: str, tmp_path: Path, redis_url: str
) -> None:
    variance = Variance(tmp_path, {"DATABASE_URL": pooled_url, "REDIS_URL": redis_url})
    assert (await variance("migrate", "--json")).json["applied"] == []
    both = await asyncio.gather(variance("rebuild", "--json"), variance("status", "--json"))
    assert [ended.exit_code for ended in both] == [0, 0]


async def test_an_export_may_take_its_time_behind_pgbouncer_and_leaves_no_setting_to_others(
    database_url: str, pooled_url: str, tmp_path: Path, redis_url: str
) -> None:
    name = urlsplit(database_url).path.lstrip("/")
    await execute(database_url, f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '7s'")
    async with connect(pooled_url) as database, one_moment(database):
        assert await database.fetchval("SHOW idle_in_transaction_session_timeout") == "0"
    variance = Variance(tmp_path, {"DATABASE_URL": pooled_url, "REDIS_URL": redis_url})
    await variance("connections", "add", "app")
    assert (await variance("export", "workspace", "default", "all.ndjson")).exit_code == 0
    # A stranger, who brings no settings of its own; the pooler gives it every connection in turn.
    stranger = await asyncpg.connect(pooled_url, statement_cache_size=0)
    try:
        found = {await stranger.fetchval("SHOW idle_in_transaction_session_timeout") for _ in range(24)}
    finally:
        await stranger.close()
    assert found == {"7s"}
