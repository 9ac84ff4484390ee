"""The supervisor: what ends by itself starts again, what is told to end ends."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from worker.up.procfile import process_environ, read_procfile
from worker.up.supervisor import Supervisor

NEVER = "exec tail -f /dev/null"
STUBBORN = "trap '' TERM; echo ready; tail -f /dev/null"


def a_supervisor(**commands: str) -> Supervisor:
    return Supervisor(commands, process_environ(os.environ), Path.cwd())


async def pid_of(supervisor: Supervisor, name: str, other_than: int = 0) -> int:
    def pid() -> int:
        return supervisor.pids().get(name, 0) if supervisor.pids().get(name) != other_than else 0

    return await asyncio.to_thread(until, pid, f"{name} to run")


async def test_a_process_that_was_killed_starts_again(capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = a_supervisor(web=NEVER, worker=NEVER)
    supervisor.keep_running("web")
    supervisor.keep_running("worker")
    bystander = await pid_of(supervisor, "worker")
    victim = await pid_of(supervisor, "web")
    os.kill(victim, signal.SIGKILL)
    successor = await pid_of(supervisor, "web", other_than=victim)
    assert supervisor.pids() == {"web": successor, "worker": bystander}
    assert await supervisor.stop(asyncio.Event())
    assert not psutil.pid_exists(successor)
    assert not psutil.pid_exists(bystander)
    assert "web was ended by SIGKILL; it starts again in " in capsys.readouterr().err


async def test_a_process_that_goes_on_failing_starts_again_ever_more_slowly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    supervisor = a_supervisor(web="exit 3")
    supervisor.keep_running("web")
    said = ""

    def has_failed_thrice() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return said.count("exit code 3") == 3

    await asyncio.to_thread(until, has_failed_thrice, "three failures")
    await supervisor.stop(asyncio.Event())
    first, second, third = [float(line.split()[-2]) for line in said.splitlines() if "starts again" in line]
    assert (second, third) == (2 * first, 4 * first)


async def test_lines_are_printed_with_the_name_however_long_and_whatever_their_bytes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = "import sys; sys.stdout.buffer.write(b'x' * 200_000 + b'\\nb\\xffd\\n')"
    supervisor = a_supervisor(web=f'python -c "{program}"')
    assert await supervisor.run_to_end("web") == 0
    long, bad = (line.partition("| ")[2] for line in capsys.readouterr().err.splitlines())
    assert (len(long), bad) == (200_000, "b\N{REPLACEMENT CHARACTER}d")


async def test_who_does_not_heed_is_ended_by_force_once_hastened(capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = a_supervisor(web=STUBBORN)
    supervisor.keep_running("web")
    pid = await pid_of(supervisor, "web")
    await asyncio.to_thread(until, lambda: "ready" in capsys.readouterr().err, "it to be ready")
    hasten = asyncio.Event()
    stopping = asyncio.create_task(supervisor.stop(hasten))
    hasten.set()
    assert not await stopping
    assert not psutil.pid_exists(pid)


async def test_python_is_the_one_that_runs_this(capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = a_supervisor(web="python -c 'import sys; print(sys.prefix)'")
    await supervisor.run_to_end("web")
    assert capsys.readouterr().err.rstrip().endswith(f"| {sys.prefix}")


def test_the_procfile_is_read_as_honcho_does(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("release: variance migrate\n# a comment\nweb: python -m ingest\n")
    assert read_procfile(tmp_path / "Procfile") == {"release": "variance migrate", "web": "python -m ingest"}
