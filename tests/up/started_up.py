"""A `variance up` as a process of its own, with a Procfile of small programs in place of the product's."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from worker.embedded.unprivileged import Runner

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


StartUp = Callable[..., Up]
