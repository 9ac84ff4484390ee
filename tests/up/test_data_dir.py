"""The data directory: one holder at a time, and no harm to processes that are not its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from worker.cli.servers import servers_of
from worker.embedded.data_dir import DataDirectoryError, RunningServers, hold, running_servers
from worker.embedded.failure import ServerDiedError
from worker.embedded.processes import StartedProcess, describe_process
from worker.up.failure import UpError

ROOT = Path(__file__).parents[2]
GONE = "No such file or directory"
LOCKS_LATE = """
import shutil, sys
from pathlib import Path
from worker.cli.servers import servers_of
from worker.embedded.data_dir import hold

path = Path(sys.argv[1])
sys.addaudithook(lambda event, _: event == "fcntl.flock" and shutil.rmtree(path))
with hold(path):
    print("it is held")
"""
"""Holds a folder that goes between the opening of its lock and the locking."""


@pytest.fixture
def bystander() -> Iterator[psutil.Process]:
    """Give a process that ends when it is told to, and when the test ends."""
    with subprocess.Popen(["tail", "-f", "/dev/null"], start_new_session=True) as process:
        yield psutil.Process(process.pid)
        process.kill()


def described(process: psutil.Process) -> StartedProcess:
    started = describe_process("web", process.pid)
    assert started is not None
    return started


def running_with(up: psutil.Process) -> RunningServers:
    return RunningServers(
        database_url="d", redis_url="r", port=1, console_port=2, web_at="http://host.example:1", up=described(up)
    )


def test_an_up_of_an_earlier_version_is_asked_where_that_version_asked_it(tmp_path: Path) -> None:
    with hold(tmp_path) as directory:
        directory.record([], running_with(psutil.Process()))
        run = json.loads((tmp_path / "run.json").read_bytes())
        del run["running"]["web_at"], run["running"]["console_at"]
        (tmp_path / "run.json").write_text(json.dumps(run))
        running = running_servers(tmp_path)
    assert running is not None
    assert (running.web_at, running.console_at) == ("http://127.0.0.1:1", None)
    assert servers_of(running, tmp_path).console_url == "http://127.0.0.1:2"


def test_a_second_holder_is_refused_with_the_firsts_pid_and_changes_nothing(tmp_path: Path) -> None:
    with hold(tmp_path / "data") as directory:
        directory.record([], running_with(psutil.Process()))
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.path.iterdir()}
        with pytest.raises(DataDirectoryError, match=rf"\(pid {os.getpid()}\)"), hold(tmp_path / "data"):
            pass
        after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.path.iterdir()}
        assert after == before
    with hold(tmp_path / "data"):
        pass


def test_the_directory_is_closed_to_others_and_an_existing_one_is_left_as_it_is(tmp_path: Path) -> None:
    with hold(tmp_path / "new") as directory:
        directory.record([], running_with(psutil.Process()))
        assert directory.path.stat().st_mode & 0o066 == 0
        assert (directory.path / "run.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "old").mkdir()
    (tmp_path / "old").chmod(0o755)
    with hold(tmp_path / "old") as directory:
        assert directory.path.stat().st_mode & 0o777 == 0o755


def fail_in(path: Path, failure: Exception, *, is_kept: bool = False) -> None:
    with pytest.raises(type(failure)), hold(path) as directory:  # noqa: PT012 (the start of which it is the end)
        (directory.path / "postgres").mkdir(exist_ok=True)
        if is_kept:
            directory.keep()
        raise failure


def test_a_first_start_that_fails_leaves_nothing_of_what_it_made(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    fail_in(tmp_path / "there" / "more" / "data", UpError("no"))
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]


def test_nothing_goes_that_was_there_that_was_served_or_that_a_message_points_to(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    fail_in(tmp_path / "there", UpError("no"))
    fail_in(tmp_path / "served", UpError("no"), is_kept=True)
    fail_in(tmp_path / "served", UpError("no"))
    fail_in(tmp_path / "logged", ServerDiedError("see the log"))
    fail_in(tmp_path / "broken", KeyError("a bug"))
    assert sorted(path.parent.name for path in tmp_path.glob("*/postgres")) == ["broken", "logged", "served", "there"]


def test_who_was_about_to_lock_what_another_took_away_does_not_hold_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOCKS_LATE, tmp_path / "data"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].endswith(f"DataDirectoryError: {tmp_path / 'data'} cannot be used: {GONE}")


def test_running_servers_are_told_while_up_lives_and_no_longer(tmp_path: Path, bystander: psutil.Process) -> None:
    assert running_servers(tmp_path / "data") is None
    running = running_with(bystander)
    with hold(tmp_path / "data") as directory:
        directory.record([], running)
    assert running_servers(tmp_path / "data") == running
    bystander.kill()
    bystander.wait()
    assert running_servers(tmp_path / "data") is None


def test_an_orphan_is_ended(tmp_path: Path, bystander: psutil.Process) -> None:
    with hold(tmp_path) as directory:
        directory.record([described(bystander)], None)
        assert directory.end_orphans() == ["web"]
        assert not bystander.is_running() or bystander.status() == psutil.STATUS_ZOMBIE
        assert directory.end_orphans() == []


def test_a_process_that_only_has_an_orphans_pid_is_left_alone(tmp_path: Path, bystander: psutil.Process) -> None:
    earlier = StartedProcess("web", bystander.pid, bystander.create_time() - 60)
    with hold(tmp_path) as directory:
        directory.record([earlier], None)
        assert directory.end_orphans() == []
    assert bystander.is_running()
    assert bystander.status() != psutil.STATUS_ZOMBIE


def test_what_cannot_be_used_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match="Not a directory"), hold(tmp_path / "file" / "data"):
        pass
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataDirectoryError, match=r"run\.json is not what `variance up` wrote"):
        running_servers(tmp_path)
