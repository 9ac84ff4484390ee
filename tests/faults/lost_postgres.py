"""Postgres is lost under load, with its disk, and restored: `python -m tests.faults.lost_postgres`.

From a base backup and the write-ahead log that was kept besides, in the two ways that the README gives: to its end,
where nothing may be missing that was acknowledged; and to an earlier moment, after which the senders send again what
they sent before. Redis, `web` and the workers go on all the while.
"""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from tests.cli.command import Variance
from tests.faults.producer import Producer, sending
from tests.faults.rig import Rig, family, new_directory, open_rig, signal_all
from tests.faults.verdict import judge, quiet
from tests.postgres_programs import postgres_program
from tests.waiting import eventually

_RECEIVER = "variance_log"
_POSTS = 40


async def restored_to_the_end(rig: Rig) -> str:
    """Have the log received synchronously, lose the server, and restore it to the end of what was received."""
    producer = await rig.new_producer(seed=1)
    received = _open_folder(rig, "received")
    async with _receiving(rig, received), sending(producer):
        await _back_up(rig)
        await producer.sees("acknowledged", _POSTS)
        await _lose(rig)
        await producer.sees("acknowledged", _POSTS)
    copy = f"cp {received}/%f %p || cp {received}/%f.partial %p"
    began_at = time.monotonic()
    await _restore(rig, restore_command=copy, synchronous_standby_names="")
    fate = await judge(rig, producer)
    return f"{len(fate.applied)} applied, none missing, none sent again; {time.monotonic() - began_at:.1f} s"


async def restored_to_a_moment(rig: Rig) -> str:
    """Archive the log, lose the server, and restore it to an earlier moment."""
    archive = _open_folder(rig, "archive")
    await _set(
        rig,
        archive_mode="on",
        archive_command=f"cp %p {archive}/%f.part && sync {archive}/%f.part && mv {archive}/%f.part {archive}/%f",
    )
    await asyncio.to_thread(rig.postgres.stop)
    await rig.start_servers()
    producer = await rig.new_producer(seed=2)
    async with sending(producer):
        await _back_up(rig)
        await producer.sees("acknowledged", _POSTS)
        moment = str(await rig.pool.fetchval("SELECT clock_timestamp()"))
        await _more_applied(rig)
        await _archived(rig)
        await _lose(rig)
        await producer.sees("acknowledged", _POSTS)
    began_at = time.monotonic()
    await _restore(
        rig, restore_command=f"cp {archive}/%f %p", recovery_target_time=moment, recovery_target_action="promote"
    )
    await quiet(rig)
    missing = await _missing(rig, producer)
    assert missing, "nothing was lost, so that this shows nothing"
    variance = Variance(rig.directory, {"DATABASE_URL": rig.database_url, "REDIS_URL": rig.redis_url})
    assert (await variance("recount", "--json")).json["corrections"], "the books balanced, though messages are missing"
    await producer.send_again()
    fate = await judge(rig, producer)
    return (
        f"{missing} missing, there again after their senders sent all again, {len(fate.applied)} applied; "
        f"{time.monotonic() - began_at:.1f} s"
    )


def _open_folder(rig: Rig, name: str) -> Path:
    """Make a folder that Postgres' user may write to."""
    folder = rig.directory / name
    folder.mkdir()
    folder.chmod(0o777)
    return folder


async def _set(rig: Rig, **settings: str) -> None:
    for name, value in settings.items():
        await rig.pool.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await rig.pool.execute("SELECT pg_reload_conf()")


async def _run(name: str, *arguments: str) -> None:
    command = [str(postgres_program(name)), *arguments]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def _back_up(rig: Rig) -> None:
    await _run("pg_basebackup", f"--pgdata={_base(rig)}", "--checkpoint=fast", f"--dbname={rig.database_url}")


def _base(rig: Rig) -> Path:
    return rig.directory / "base"


@asynccontextmanager
async def _receiving(rig: Rig, folder: Path) -> AsyncIterator[None]:
    """Have each commit wait until a receiver has it on disk."""
    whence = [f"--slot={_RECEIVER}", f"--dbname={rig.database_url}?application_name={_RECEIVER}"]
    await _run("pg_receivewal", "--create-slot", *whence)
    command = [str(postgres_program("pg_receivewal")), "--synchronous", f"--directory={folder}", *whence]
    with (rig.directory / "receiver.log").open("wb") as log:
        receiver = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        await _set(rig, synchronous_standby_names=_RECEIVER)

        async def is_synchronous() -> bool:
            return bool(await rig.pool.fetchval("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))

        await eventually(is_synchronous, "the log to be received synchronously")
        yield
    finally:
        receiver.terminate()
        await receiver.wait()


async def _more_applied(rig: Rig) -> None:
    count = "SELECT count(*) FROM variance_data.messages"
    before = await rig.pool.fetchval(count)

    async def is_more() -> bool:
        return bool(await rig.pool.fetchval(count) > before)

    await eventually(is_more, "more to be applied")


async def _archived(rig: Rig) -> None:
    """Wait until all that is committed now is in the archive."""
    file = await rig.pool.fetchval("SELECT pg_walfile_name(pg_switch_wal())")

    async def is_there() -> bool:
        return bool(await rig.pool.fetchval("SELECT last_archived_wal >= $1 FROM pg_stat_archiver", file))

    await eventually(is_there, "the log to be archived")


async def _lose(rig: Rig) -> None:
    """Kill Postgres and take its disk away."""
    assert rig.postgres.pid is not None
    signal_all(family(rig.postgres.pid), signal.SIGKILL)
    await asyncio.to_thread(rig.postgres.wait)
    shutil.rmtree(_data(rig))


def _data(rig: Rig) -> Path:
    return rig.directory / "postgres" / "data"


async def _restore(rig: Rig, **settings: str) -> None:
    """Bring the base backup back and have Postgres go on from there, along the log."""
    shutil.move(_base(rig), _data(rig))
    with (_data(rig) / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    (_data(rig) / "recovery.signal").touch()
    for segment in (rig.directory / "received").iterdir():  # pg_receivewal's user is another than Postgres', as root
        segment.chmod(0o644)
    await rig.start_servers()


async def _missing(rig: Rig, producer: Producer) -> int:
    """Count what was acknowledged and is not there."""
    rows: list[asyncpg.Record] = []
    for table in ("messages", "dead_letters", "suppressions"):
        rows += await rig.pool.fetch(f"SELECT connection_id, message_id FROM variance_data.{table}")  # noqa: S608
    there = {(row["connection_id"], row["message_id"]) for row in rows}
    return sum(len(told.acknowledged - there) for told in producer.ledger.read().values())


async def _main() -> None:
    async with open_rig(new_directory("lost-postgres")) as rig:
        for drill in (restored_to_the_end, restored_to_a_moment):
            print(f"{drill.__name__}: {await drill(rig)}", flush=True)  # noqa: T201 (what the command is for)


if __name__ == "__main__":
    asyncio.run(_main())
