"""Starts of `variance up` that come to nothing: it says why in one line, and leaves what it found."""

import socket

import pytest

from tests.statements import query
from worker.embedded.address import HOST

from .started_up import OWN_SERVERS, PROCFILE, StartUp


def test_a_second_up_on_the_same_directory_is_refused(up: StartUp) -> None:
    running = up(**OWN_SERVERS)
    running.wait_until_ready()
    first = running.process
    second = running.start()
    _, said = second.communicate(timeout=30)
    assert second.returncode == 1
    assert said.count("\n") == 1
    assert f"another `variance up` (pid {first.pid}) runs on {running.data}" in said
    running.process = first
    assert running.press_ctrl_c()[0] == 0


def test_a_release_that_fails_stops_it(up: StartUp) -> None:
    running = up("release: echo no such table; exit 3\nweb: echo web ran\n")
    _, said = running.process.communicate(timeout=30)
    assert running.process.returncode == 1
    assert "release | no such table" in said
    assert said.endswith("variance up: `echo no such table; exit 3` failed with exit code 3: see its lines above\n")
    assert "web ran" not in said
    assert [path.name for path in running.data.parent.iterdir()] == ["Procfile"]


def test_a_release_that_fails_later_keeps_what_there_was(up: StartUp) -> None:
    running = up()
    query(running.wait_until_ready()["database_url"], "CREATE TABLE kept AS SELECT 42 AS n")
    running.press_ctrl_c()
    procfile = running.data.parent / "Procfile"
    procfile.write_text("release: exit 3\n")
    _, said = running.start().communicate(timeout=30)
    assert (running.process.returncode, "exit code 3" in said) == (1, True)
    procfile.write_text(PROCFILE)
    running.start()
    assert query(running.wait_until_ready()["database_url"], "SELECT n FROM kept") == 42
    assert running.press_ctrl_c()[0] == 0


def test_a_taken_port_is_told_before_anything_starts(up: StartUp) -> None:
    with socket.create_server((HOST, 0)) as taker:
        running = up(port=taker.getsockname()[1])
        _, said = running.process.communicate(timeout=30)
    assert running.process.returncode == 1
    assert said == (
        f"variance up: port {running.port} cannot be used (address already in use): "
        "free it, or give another with --port or PORT\n"
    )
    assert not running.data.exists()


@pytest.mark.parametrize("host", ["999.1.1.1", "a..b", "192.0.2.1"])
def test_an_address_where_nobody_can_listen_is_told_before_anything_starts(up: StartUp, host: str) -> None:
    running = up(HOST=host)
    _, said = running.process.communicate(timeout=30)
    assert running.process.returncode == 1
    assert said.startswith(f"variance up: HOST is wrong: cannot listen on {host}:{running.port}: ")
    assert said.count("\n") == 1
    assert not running.data.exists()
