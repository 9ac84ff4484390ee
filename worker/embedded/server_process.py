"""One server as a child of this process: out of reach of the terminal's Ctrl-C, its output in a log file."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from worker.embedded.failure import ServerDiedError
from worker.embedded.processes import StopSteps, end_processes

_POLL_SECONDS = 0.01
_LOG_BYTES = 16 * 1024 * 1024
_TOLD_BYTES = 64 * 1024
_FATAL = re.compile(r"(?:FATAL:|PANIC:| # )\s*(.+)")  # PostgreSQL's words for the end, and Valkey's


class ServerProcess:
    """Starts one program, tells when it is ready or why it is not, and ends it."""

    def __init__(self, title: str, log_path: Path, stop_steps: StopSteps) -> None:
        self._title = title
        self._log_path = log_path
        self._stop_steps = stop_steps
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start_bytes = 0

    @property
    def pid(self) -> int | None:
        """The pid, while the server runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal that asks the server for a clean end at once."""
        return self._stop_steps[0][0]

    def spawn(self, command: Sequence[str], environ: Mapping[str, str], user: tuple[int, int] | None = None) -> None:
        """Start the program, as `user` (uid, gid) where given. Raises OSError."""
        log = _open_log(self._log_path)
        try:
            self._log_start_bytes = os.fstat(log).st_size
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environ),
                cwd="/",
                start_new_session=True,
                user=user[0] if user else None,
                group=user[1] if user else None,
                extra_groups=[] if user else None,
            )
        finally:
            os.close(log)

    def wait_until(self, is_ready: Callable[[int], bool]) -> None:
        """Wait, while the server lives, until `is_ready(pid)`. Raises ServerDiedError if it ends."""
        while True:
            pid = self.pid
            if pid is None:
                message = f"{self._title} did not start: {self._last_words()} (all it said: {self._log_path})"
                raise ServerDiedError(message)
            if is_ready(pid):
                return
            time.sleep(_POLL_SECONDS)

    def wait(self) -> None:
        """Wait until the server has ended, which without a stop() means that something ended it."""
        if self._child is not None:
            self._child.wait()

    def stop(self) -> None:
        """End the server cleanly, and by force where it does not heed; nothing where it does not run."""
        pid = self.pid
        if self._child is None or pid is None:
            return
        end_processes([psutil.Process(pid)], self._stop_steps)
        self._child.wait()

    def _last_words(self) -> str:
        with self._log_path.open("rb") as log:
            size_bytes = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start_bytes, size_bytes - _TOLD_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        fatal = [found[1] for line in said if (found := _FATAL.search(line))]
        return (fatal or said or ["it said nothing"])[-1]


def _open_log(path: Path) -> int:
    # Append, so that what was said before a crash is still there after the restart; but not for ever.
    is_long = path.exists() and path.stat().st_size > _LOG_BYTES
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if is_long else 0)
    return os.open(path, flags, 0o600)
