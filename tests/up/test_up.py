"""`variance up` as a process: started, killed, interrupted, and started again."""

import contextlib
import json
import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.waiting import until
from worker.embedded.address import HOST, free_port
from worker.embedded.data_dir import RunningServers, running_servers
from worker.embedded.unprivileged import Runner, find_runner

from .test_embedded_postgres import query

HERE = Path(__file__).parent
WEB = f"python {shlex.quote(str(HERE / 'fake_web.py'))}"
PROCFILE = f"release: echo released\nweb: {WEB}\nworker: exec tail -f /dev/null\n"
OWN_SERVERS = {"DATABASE_URL": "postgresql://example.invalid/d", "REDIS_URL": "redis://example.invalid/0"}


class Up:
    """A `variance up` in a session of its own, as a terminal's foreground job is."""

    def __init__(self, directory: Path, port: int, runner: Runner, environ: dict[str, str]) -> None:
        self.data = directory / "data"
        self.port = port
        self._directory = directory
        self._runner = runner
        self._environ = {**os.environ, **environ}
        self.process = self.start()

    def start(self) -> "subprocess.Popen[str]":
        command = [*self._runner.prefix, sys.executable, str(HERE / "driver.py")]
        switch_to = self._runner.switch_to or (None, None)
        self.process = subprocess.Popen(
            [*command, str(self.data), str(self._directory / "Procfile"), str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ,
            cwd="/",
            start_new_session=True,
            user=switch_to[0],
            group=switch_to[1],
        )
        return self.process

    def wait_until_ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        told: dict[str, Any] = json.loads(line)
        return told

    def press_ctrl_c(self) -> tuple[int, str]:
        """Interrupt the whole foreground job; give the exit code and what was said."""
        os.killpg(self.process.pid, signal.SIGINT)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said

    def recorded(self) -> dict[str, psutil.Process]:
        """Give the processes in run.json by name."""
        run = json.loads((self.data / "run.json").read_bytes())
        return {each["name"]: psutil.Process(each["pid"]) for each in run["processes"]}

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
            for process in self.recorded().values():
                os.killpg(process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


StartUp = Callable[..., Up]


@pytest.fixture
def up(open_directory: Path) -> Iterator[StartUp]:
    started = []

    def start(procfile: str = PROCFILE, runner: Runner | None = None, port: int | None = None, **environ: str) -> Up:
        (open_directory / "Procfile").write_text(procfile)
        runner = runner or Runner(owner=(os.geteuid(), os.getegid()))
        started.append(Up(open_directory, port or free_port(), runner, environ))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture(params=["this user", "an ordinary user"])
def runner(request: pytest.FixtureRequest, open_directory: Path) -> Runner:
    if request.param == "this user":
        return Runner(owner=(os.geteuid(), os.getegid()))
    if os.geteuid() != 0:
        pytest.skip("this user is an ordinary one")
    ordinary = find_runner(Path(sys.executable).resolve(), open_directory)
    os.chown(open_directory, *ordinary.owner)
    return ordinary


def test_it_serves_until_ctrl_c_and_leaves_nothing_running(up: StartUp, runner: Runner) -> None:
    running = up(runner=runner)
    told = running.wait_until_ready()
    assert query(told["database_url"], "SELECT 1") == 1
    with Redis.from_url(told["redis_url"]) as connection:
        assert connection.ping()
    with urllib.request.urlopen(f"http://{HOST}:{running.port}/") as answer:
        environ = json.load(answer)
    assert environ["DATABASE_URL"] == told["database_url"]
    assert environ["REDIS_URL"] == told["redis_url"]
    assert environ["PORT"] == str(running.port)
    processes = running.recorded()
    assert list(processes) == ["web", "worker", "valkey", "postgres"]
    owner = pwd.getpwuid(running.data.stat().st_uid).pw_name
    assert {processes[name].username() for name in ("web", "worker", "valkey")} == {owner}

    exit_code, said = running.press_ctrl_c()

    assert exit_code == 0, said
    assert "release | released" in said
    assert all(map(is_gone, processes.values()))
    assert sorted(path.name for path in running.data.iterdir()) == ["lock", "postgres", "valkey"]


def test_others_find_the_servers_through_the_directory(up: StartUp) -> None:
    running = up(**OWN_SERVERS)
    told = running.wait_until_ready()
    found = running_servers(running.data)
    assert isinstance(found, RunningServers)
    assert (found.database_url, found.port) == (told["database_url"], running.port)
    assert found.up.pid == running.process.pid
    running.press_ctrl_c()
    assert running_servers(running.data) is None


def test_the_next_up_cleans_up_after_one_that_was_killed_and_finds_its_data(up: StartUp) -> None:
    running = up()
    told = running.wait_until_ready()
    query(told["database_url"], "CREATE TABLE kept AS SELECT 42 AS n")
    with Redis.from_url(told["redis_url"]) as connection:
        connection.set("kept", "42")
    orphans = running.recorded()
    running.process.kill()
    running.process.communicate()
    assert not any(map(is_gone, orphans.values()))

    running.start()
    again = running.wait_until_ready()

    assert all(map(is_gone, orphans.values()))
    assert again["database_url"] == told["database_url"]
    assert query(again["database_url"], "SELECT n FROM kept") == 42
    with Redis.from_url(again["redis_url"]) as connection:
        assert connection.get("kept") == b"42"
    exit_code, said = running.press_ctrl_c()
    assert exit_code == 0
    assert "ended what an earlier run had left: " in said  # all but those that a lost log ended before


def test_whatever_is_killed_under_it_starts_again_at_the_same_address(up: StartUp) -> None:
    running = up()
    told = running.wait_until_ready()
    killed = running.recorded()
    for process in killed.values():
        process.kill()

    def has_all_anew() -> bool:
        with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
            now = running.recorded()
            return now.keys() == killed.keys() and all(now[name] != killed[name] for name in killed)
        return False

    def answers() -> bool:
        refusals = (OSError, asyncpg.CannotConnectNowError, RedisError)
        with contextlib.suppress(*refusals), Redis.from_url(told["redis_url"]) as connection:
            return bool(connection.ping()) and query(told["database_url"], "SELECT 1") == 1
        return False

    until(has_all_anew, "every process to run again")
    until(answers, "both servers to answer")
    assert running.press_ctrl_c()[0] == 0


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


def test_servers_of_ones_own_are_used_as_they_are(up: StartUp) -> None:
    running = up(**OWN_SERVERS)
    told = running.wait_until_ready()
    assert {name: told[name.lower()] for name in OWN_SERVERS} == OWN_SERVERS
    assert list(running.recorded()) == ["web", "worker"]
    assert running.press_ctrl_c()[0] == 0


def test_a_blank_public_url_is_none_and_what_runs_here_is_named(up: StartUp) -> None:
    running = up(**OWN_SERVERS, PUBLIC_URL=" ")
    running.wait_until_ready()
    with urllib.request.urlopen(f"http://{HOST}:{running.port}/") as answer:
        assert json.load(answer)["PUBLIC_URL"] == f"http://127.0.0.1:{running.port}"
    assert running.press_ctrl_c()[0] == 0


def test_no_console_is_named_where_the_procfile_has_none(up: StartUp) -> None:
    running = up(**OWN_SERVERS)
    assert running.wait_until_ready()["console_at"] is None
    assert running.press_ctrl_c()[0] == 0


def test_ctrl_c_while_it_starts_ends_it_as_cleanly(up: StartUp) -> None:
    running = up("release: exec tail -f /dev/null\n")
    until(lambda: (running.data / "run.json").exists() and "release" in running.recorded(), "the release to run")
    processes = running.recorded()
    assert running.press_ctrl_c()[0] == 0
    assert all(map(is_gone, processes.values()))
