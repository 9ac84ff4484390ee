"""A process of the product's, as the Procfile starts it, that a test may kill, freeze or ask to end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).parents[2]


class Program:
    """`python -m MODULE ARGUMENT…` with these variables and nothing else of the environment; its log is a file."""

    def __init__(self, log_path: Path, *module: str, **environ: str) -> None:
        self.root = _ROOT
        """Where the product lies that is run; another version of it may lie elsewhere."""
        self._log_path = log_path
        self._module = module
        self._environ = {"PATH": os.environ["PATH"], "LOG_LEVEL": "debug"} | environ
        self._log_start = 0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self, **environ: str) -> None:
        """Start it, with variables for this run only."""
        with self._log_path.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                [sys.executable, "-m", *self._module],
                cwd=self.root,
                env=self._environ | environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_if_dead(self) -> None:
        if not self.is_alive:
            self.start()

    def thaw(self) -> None:
        if self.is_alive:
            self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    def wait(self, within_seconds: float = 30.0) -> int:
        """Wait for its end; give the exit code, which is negative where a signal ended it."""
        assert self._child is not None
        return self._child.wait(within_seconds)

    def kill(self) -> None:
        """Kill it, and wait until it is dead."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def wait_until_running(self, within_seconds: float = 20.0) -> None:
        """Wait until a worker says that it has started."""
        self.wait_until_said(b"worker started", within_seconds)

    def wait_until_said(self, words: bytes, within_seconds: float = 20.0) -> None:
        """Wait until something stands in its log since it was started."""
        deadline = time.monotonic() + within_seconds
        while words not in (said := self._log_path.read_bytes()[self._log_start :]):
            assert self.is_alive, f"ended without {words!r}: {said[-2000:]!r}"
            assert time.monotonic() < deadline, f"did not say {words!r}: {said[-2000:]!r}"
            time.sleep(0.01)
