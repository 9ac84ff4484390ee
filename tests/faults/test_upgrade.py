"""From an earlier version to this one while traffic goes on: both at once, on a database that changes under them."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.faults.earlier_version import check_out
from tests.faults.producer import sending
from tests.faults.program import Program
from tests.faults.rig import Rig
from tests.faults.verdict import judge, quiet, settled
from tests.waiting import eventually
from worker.migrate import bring_up_to_date
from worker.rebuild import RebuildOptions, rebuild

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def fresh(rig: Rig) -> AsyncIterator[Rig]:
    """Give a rig on the same servers with an empty database, which no version has seen, and an empty queue."""
    for program in (rig.web, *rig.workers):
        program.kill()
    await rig.pool.execute("CREATE DATABASE upgraded")
    database_url = urlsplit(rig.database_url)._replace(path="/upgraded").geturl()
    redis_url = urlsplit(rig.redis_url)._replace(path="/1").geturl()
    async with Redis.from_url(redis_url) as redis:
        pool = asyncpg.create_pool(database_url, min_size=0, max_size=4)
        async with pool:
            other = replace(rig, redis_url=redis_url, database_url=database_url, redis=redis, pool=pool)
            try:
                yield other
            finally:
                other.end()
                rig._workspaces = other._workspaces  # noqa: SLF001 (or the next test's would have the same names)
        await redis.flushdb()
    await rig.pool.execute("DROP DATABASE upgraded WITH (FORCE)")


def of_version(tree: Path, *programs: Program) -> None:
    """Have programs run the version that lies in a folder."""
    for program in programs:
        program.root = tree


async def test_old_and_new_run_side_by_side_while_the_database_is_brought_to_this_version(
    rig: Rig, seed: int, tmp_path: Path
) -> None:
    tree = check_out(tmp_path)
    async with fresh(rig) as old:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker.cli", "migrate", cwd=tree, env={"DATABASE_URL": old.database_url},
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == 0
        of_version(tree, old.web, *old.workers)
        for program in (old.web, *old.workers):
            program.start()
        producer = await old.new_producer(seed)
        await old.serving()
        async with sending(producer):
            await producer.sees("acknowledged", 10)
            await bring_up_to_date(old.database_url)
            before = (await settled(old)).total

            async def do_old_workers_go_on() -> bool:
                return (await settled(old)).total > before + 50

            await eventually(do_old_workers_go_on, "the old workers to go on")
            new_worker = old.worker_program("new")
            new_worker.start()
            await asyncio.to_thread(new_worker.wait_until_running)
            await producer.sees("acknowledged", 10)
            old.workers[0].kill()
            old.web.send(signal.SIGTERM)
            await asyncio.to_thread(old.web.wait)
            new_web = old.web_program("new-web")
            new_web.start()
            await old.serving()
            old.workers[1].send(signal.SIGTERM)
            await producer.sees("acknowledged", 10)
        await quiet(old)
        difference = await rebuild(old.database_url, RebuildOptions(), lambda *_: None)
        others = {table: rows for table, rows in difference.rows.items() if table != "contacts"}
        assert not any(others.values()), others  # the earlier version had another rule for a contact's name alone
        await judge(old, producer)
