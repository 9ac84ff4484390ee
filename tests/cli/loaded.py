"""`variance` in forks of a process that has loaded it: most commands take less time to run than to load.

`python -m tests.cli.loaded SOCKET` serves: who connects sends words, folder and environment as JSON, with three files
for the standard streams, and gets the exit code. It ends when its standard input does. `Loaded` is its other end.
"""

import atexit
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

import click

import schemas.logs  # noqa: F401 (loaded for whoever is forked)
from worker.cli import program

_MOST_BYTES = 1_000_000


class Loaded:
    """The process from which commands are forked, which ends with this one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        folder = tempfile.mkdtemp()  # near the root: a socket's path is bounded to some hundred bytes
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._address = str(Path(folder, "socket"))
        command = [sys.executable, "-W", "error", "-m", "tests.cli.loaded", self._address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(environ))
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        self._process.stdout.close()
        atexit.register(self._end)

    def run(self, request: Mapping[str, Any], stdin: bytes, out: IO[bytes], err: IO[bytes]) -> int:
        """Run a command (`words`, `directory`, `environ`) to its end; give its exit code, -1 where it was killed."""
        reading, writing = os.pipe()
        with socket.socket(socket.AF_UNIX) as connection, os.fdopen(writing, "wb", buffering=0) as into:
            connection.connect(self._address)
            socket.send_fds(connection, [json.dumps(request).encode()], [reading, out.fileno(), err.fileno()])
            os.close(reading)
            with suppress(BrokenPipeError):  # it may end without reading
                for first in range(0, len(stdin), _MOST_BYTES):
                    into.write(stdin[first : first + _MOST_BYTES])
            into.close()
            exit_code = connection.recv(1)
        return exit_code[0] if exit_code else -1

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(address: str) -> None:
    """Load every command, and fork for each that is asked for."""
    context = click.Context(program.program)
    for name in program.program.list_commands(context):
        program.program.get_command(context, name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"ready\n")
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _run(connection)
            connection.close()


def _run(connection: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files, _, _ = socket.recv_fds(connection, _MOST_BYTES, 3)
    asked = json.loads(request)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = ["variance", *asked["words"]]
    exit_code = _exit_code()
    gc.collect()  # what was left open says so
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(bytes([exit_code]))
    os._exit(exit_code)


def _exit_code() -> int:
    try:
        program.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 (as Python itself ends)
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
