"""`variance up` as a process: started, killed, interrupted, and started again."""

import contextlib
import json
import os
import pwd
import sys
import urllib.request
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.addresses import IPV6, SECOND_LOOPBACK
from tests.statements import query
from tests.waiting import until
from worker.embedded.address import HOST
from worker.embedded.data_dir import RunningServers, running_servers
from worker.embedded.unprivileged import Runner, find_runner

from .started_up import OWN_SERVERS, StartUp


@pytest.fixture(params=["this user", "an ordinary user"])
def runner(request: pytest.FixtureRequest, open_directory: Path) -> Runner:
    if request.param == "this user":
        return Runner(owner=(os.geteuid(), os.getegid()))
    if os.geteuid() != 0:
        pytest.skip("this user is an ordinary one")
    ordinary = find_runner(Path(sys.executable).resolve(), open_directory)
    os.chown(open_directory, *ordinary.owner)
    return ordinary


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


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


def test_servers_of_ones_own_are_used_as_they_are_and_no_console_is_named_that_is_not_in_the_procfile(
    up: StartUp,
) -> None:
    running = up(**OWN_SERVERS)
    told = running.wait_until_ready()
    assert told["console_at"] is None
    assert {name: told[name.lower()] for name in OWN_SERVERS} == OWN_SERVERS
    assert list(running.recorded()) == ["web", "worker"]
    assert running.press_ctrl_c()[0] == 0


def test_a_blank_public_url_is_none_and_what_runs_here_is_named(up: StartUp) -> None:
    running = up(**OWN_SERVERS, PUBLIC_URL=" ")
    running.wait_until_ready()
    with urllib.request.urlopen(f"http://{HOST}:{running.port}/") as answer:
        assert json.load(answer)["PUBLIC_URL"] == f"http://127.0.0.1:{running.port}"
    assert running.press_ctrl_c()[0] == 0


@pytest.mark.parametrize(
    ("host", "asked_at"),
    [
        pytest.param("127.0.0.2", "127.0.0.2", marks=SECOND_LOOPBACK),
        pytest.param("::1", "[::1]", marks=IPV6),
        pytest.param("::", "[::1]", marks=IPV6),
    ],
)
def test_what_listens_elsewhere_than_on_the_loopbacks_first_address_is_asked_there(
    up: StartUp, host: str, asked_at: str
) -> None:
    running = up(**OWN_SERVERS, HOST=host, PUBLIC_URL="")
    web_at = running.wait_until_ready()["web_at"]
    assert web_at == f"http://{asked_at}:{running.port}"
    with urllib.request.urlopen(f"http://{asked_at}:{running.port}/") as answer:
        assert json.load(answer)["PUBLIC_URL"] == web_at
    assert running.press_ctrl_c()[0] == 0


def test_ctrl_c_while_it_starts_ends_it_as_cleanly(up: StartUp) -> None:
    running = up("release: exec tail -f /dev/null\n")
    until(lambda: (running.data / "run.json").exists() and "release" in running.recorded(), "the release to run")
    processes = running.recorded()
    assert running.press_ctrl_c()[0] == 0
    assert all(map(is_gone, processes.values()))
