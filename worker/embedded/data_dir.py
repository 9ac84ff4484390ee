"""The directory of one `variance up`: held by one process at a time, and telling the others what runs on it.

It holds `lock`, `run.json` (what runs now), and a folder for each embedded server. `run.json` has the
servers' passwords: only its owner may read it.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import Signals

import msgspec

from schemas.foreseen import ForeseenError
from worker.embedded.failure import ServerDiedError
from worker.embedded.private_file import write_private_file
from worker.embedded.processes import (
    KILL,
    StartedProcess,
    end_processes,
    find_process,
    with_group,
)

DEFAULT_DIRECTORY = Path(".variance")
_PATIENCE_SECONDS = 15.0


class DataDirectoryError(ForeseenError):
    """The directory cannot be used; the text is one sentence that says why."""


class RunningServers(msgspec.Struct, frozen=True, kw_only=True):
    """What a running `variance up` serves: its servers' URLs, its ports, and its process.

    `web_at` is where this machine reaches its endpoint, `console_at` where its console, None where it has none.
    """

    database_url: str
    redis_url: str
    port: int
    console_port: int
    web_at: str = ""
    console_at: str | None = None
    up: StartedProcess


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """What `run.json` holds: the processes in the order in which they are to end, and what they serve."""

    processes: tuple[StartedProcess, ...] = ()
    running: RunningServers | None = None


class DataDirectory:
    """A directory that is held; made by hold(). `is_worthless`: made for this start, which has served nobody yet."""

    def __init__(self, path: Path, *, is_worthless: bool = False) -> None:
        self.path = path
        self.is_worthless = is_worthless
        self._run_path = path / "run.json"

    @property
    def postgres_path(self) -> Path:
        """Where the embedded PostgreSQL lives."""
        return self.path / "postgres"

    @property
    def valkey_path(self) -> Path:
        """Where the embedded Valkey lives."""
        return self.path / "valkey"

    def keep(self) -> None:
        """Have the directory stay from now on, however this start ends."""
        self.is_worthless = False

    def end_orphans(self) -> list[str]:
        """End what an `up` that was killed left running, in order; give the names. Blocks.

        Only processes that are those of `run.json` by pid and time of creation, and their process groups.
        Raises EmbeddedServerError where one does not end.
        """
        run = _read(self._run_path) or _Run()
        ended = []
        for started in run.processes:
            process = find_process(started)
            if process is not None:
                steps = ((Signals(started.stop_signal), _PATIENCE_SECONDS), KILL)
                end_processes(with_group(process), steps)
                ended.append(started.name)
        self.forget()
        return ended

    def record(self, processes: Sequence[StartedProcess], running: RunningServers | None) -> None:
        """Write down what runs, in the order in which it is to end. Raises DataDirectoryError."""
        run = _Run(processes=tuple(processes), running=running)
        with _told(self._run_path):
            write_private_file(self._run_path, msgspec.json.encode(run))

    def forget(self) -> None:
        """Write down that nothing runs. Raises DataDirectoryError."""
        with _told(self._run_path):
            self._run_path.unlink(missing_ok=True)


@contextlib.contextmanager
def hold(path: Path) -> Iterator[DataDirectory]:
    """Hold the directory, made where it is missing, until the block or this process ends, however it ends.

    What was made for a start that fails before keep() is removed. Raises DataDirectoryError, with that one's pid where
    another process holds it.
    """
    path = path.resolve()
    with _told(path):
        made = _make(path)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with _told(path):
            is_first = _lock(lock, path)
        directory = DataDirectory(path, is_worthless=is_first and path in made)
        try:
            yield directory
        except ServerDiedError:
            raise  # who reads it looks into the server's log
        except ForeseenError:
            if directory.is_worthless:
                _remove(made)
            raise
    finally:
        os.close(lock)


def running_servers(path: Path) -> RunningServers | None:
    """Tell what `variance up` on this directory serves; None where none runs. Raises DataDirectoryError."""
    run = _read(path.resolve() / "run.json")
    if run is None or run.running is None or find_process(run.running.up) is None:
        return None
    if not run.running.web_at:  # an earlier version has written it, which asked there
        return msgspec.structs.replace(run.running, web_at=f"http://127.0.0.1:{run.running.port}")
    return run.running


def _make(path: Path) -> list[Path]:
    """Make the folder where it is missing; give what was made for it, the innermost first."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        # As root, PostgreSQL's own user must pass through to its data; nobody else's files here can be read.
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise
        return []
    return missing


def _remove(made: Sequence[Path]) -> None:
    """Remove folders, the first with all that is in it: out of the way at once, so that nobody starts on a part."""
    folder, *parents = made
    unused = folder.with_name(f"{folder.name}.unused-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        folder.rename(unused)
        shutil.rmtree(unused, ignore_errors=True)
        for parent in parents:
            parent.rmdir()  # unless somebody else has begun to use it


def _lock(lock: int, path: Path) -> bool:
    """Take the lock; tell whether nobody ever had it before."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(lock, 32, 0).decode().strip() or "unknown"
        message = f"another `variance up` (pid {pid}) runs on {path}: end it, or give another --data directory"
        raise DataDirectoryError(message) from None
    if not os.path.samestat(os.fstat(lock), (path / "lock").stat()):
        message = f"another `variance up` has just removed {path}: try again"
        raise DataDirectoryError(message)
    is_first = os.fstat(lock).st_size == 0
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return is_first


def _read(path: Path) -> _Run | None:
    with _told(path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        return msgspec.json.decode(content, type=_Run)
    except msgspec.DecodeError:
        message = f"{path} is not what `variance up` wrote: remove it"
        raise DataDirectoryError(message) from None


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in one sentence that the system refuses to let us work there."""
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be used: {error.strerror or error}"
        raise DataDirectoryError(message) from error
