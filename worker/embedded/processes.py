"""Processes known beyond doubt, by pid and time of creation or by a mark in their command line; their end."""

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import psutil

from worker.embedded.failure import EmbeddedServerError

_POLL_SECONDS = 0.02
_CLOCK_SECONDS = 2.0  # how far a creation time read twice can differ, since it is counted from the boot time

# What to send, and how many seconds to wait before the next.
StopSteps = Sequence[tuple[signal.Signals, float]]
KILL: tuple[signal.Signals, float] = (signal.SIGKILL, 10.0)


class StartedProcess(msgspec.Struct, frozen=True):
    """A process that was started here; a pid alone is soon another's."""

    name: str
    pid: int
    created_at: float
    stop_signal: int = signal.SIGTERM


def describe_process(name: str, pid: int, stop_signal: signal.Signals = signal.SIGTERM) -> StartedProcess | None:
    """Write down a process that runs now; None where it is gone already."""
    try:
        return StartedProcess(name, pid, psutil.Process(pid).create_time(), int(stop_signal))
    except psutil.NoSuchProcess:
        return None


def find_process(started: StartedProcess) -> psutil.Process | None:
    """Find that very process; None where it has ended, though its pid may be another's now."""
    try:
        process = psutil.Process(started.pid)
        is_same = abs(process.create_time() - started.created_at) < _CLOCK_SECONDS
    except psutil.NoSuchProcess:
        return None
    return process if is_same and _is_alive(process) else None


def mark_of(directory: Path) -> str:
    """Give the word that a server's command line carries, and its children's: which directory it serves."""
    return "variance-" + hashlib.sha256(bytes(directory)).hexdigest()[:16]


def find_marked(program: str, mark: str) -> list[psutil.Process]:
    """Find the processes of that program whose command line carries the mark."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.name() == program and mark in " ".join(process.cmdline()):
                found.append(process)
    return found


def with_group(process: psutil.Process) -> list[psutil.Process]:
    """Give the process, the leader of its group, and its descendants in that group.

    Those of a shell are in it; PostgreSQL's, each of which takes a signal differently, are not.
    """
    descendants = []
    with contextlib.suppress(psutil.NoSuchProcess):
        descendants = process.children(recursive=True)
    return [process, *(descendant for descendant in descendants if _group_of(descendant) == process.pid)]


def end_processes(processes: Iterable[psutil.Process], steps: StopSteps) -> None:
    """Send each step's signal to those still there, until none is. Raises EmbeddedServerError otherwise."""
    alive = [process for process in processes if _is_alive(process)]
    for step, patience_seconds in steps:
        for process in alive:
            _send(process, step)
        deadline = time.monotonic() + patience_seconds
        while alive and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            alive = [process for process in alive if _is_alive(process)]
    if alive:
        message = f"process {alive[0].pid} of an earlier run does not end: end it, and try again"
        raise EmbeddedServerError(message)


def _group_of(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def _send(process: psutil.Process, step: signal.Signals) -> None:
    try:
        process.send_signal(step)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        message = f"process {process.pid} of an earlier run is another user's: end it, and try again"
        raise EmbeddedServerError(message) from None


def _is_alive(process: psutil.Process) -> bool:
    # A zombie has ended; where nobody reaps orphans (a container without an init), it stays one for good.
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
