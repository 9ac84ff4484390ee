"""The files of one PostgreSQL server: made whole or not at all, and put in order before each start."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import psutil

from worker.embedded.address import HOST, Address
from worker.embedded.failure import EmbeddedServerError
from worker.embedded.private_file import sync_directory, write_private_file
from worker.embedded.unprivileged import Runner

NAME = "variance"  # of the database, and of the role that owns it

# Nothing of libpq's variables or of the user's locale reaches the server or its programs.
ENVIRON = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))},
    "LC_ALL": "C",
    "TZ": "UTC",
}

_READY_LINE = 8  # of postmaster.pid: the server's state
_MAKE_DATABASE = (
    f"SELECT 'CREATE DATABASE {NAME}' WHERE NOT EXISTS"  # noqa: S608 (a constant)
    f" (SELECT FROM pg_database WHERE datname = '{NAME}') \\gexec\n"
)


class PostgresCluster:
    """The data directory at `path`, served by the programs of one PostgreSQL version through a Runner."""

    def __init__(self, path: Path, programs: Path, runner: Runner) -> None:
        self.path = path
        self._programs = programs
        self._runner = runner

    def refuse_other_version(self, version: int) -> None:
        """Raise EmbeddedServerError where the data were made by another major version."""
        try:
            found = (self.path / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        if found != str(version):
            message = (
                f"the data in {self.path} are PostgreSQL {found}'s, and this is PostgreSQL {version}: "
                f"give another --data directory, or set DATABASE_URL to a server that has them"
            )
            raise EmbeddedServerError(message)

    def make(self, password: str) -> None:
        """Make the data directory where it is missing, with one role that has this password."""
        if not self.path.exists():
            for left in self.path.parent.glob(f"{self.path.name}.unfinished-*"):
                shutil.rmtree(left, ignore_errors=True)
            # Never the same name: an initdb whose parent was killed may still be writing.
            unfinished = self.path.with_name(f"{self.path.name}.unfinished-{secrets.token_hex(4)}")
            unfinished.mkdir(mode=0o700)
            self._give(unfinished)
            self._initialise(unfinished, password)
            unfinished.rename(self.path)
            sync_directory(self.path.parent)
        elif self.path.stat().st_uid != self._runner.owner[0]:
            self._give(self.path)

    def forget_last_run(self) -> None:
        """Remove the pid file of a server that was killed, where its pid is now that of something else.

        PostgreSQL would take that for a server, and not start; in a container the same pids soon come again.
        """
        pid_file = self.path / "postmaster.pid"
        try:
            pid = abs(int(pid_file.read_text().splitlines()[0]))
            is_server = psutil.Process(pid).name() == "postgres"
        except (FileNotFoundError, psutil.NoSuchProcess, ValueError, IndexError):
            return
        if not is_server:
            pid_file.unlink()

    def is_ready(self, pid: int) -> bool:
        """Whether the server with this pid says that it takes connections."""
        try:
            lines = (self.path / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE - 1].strip() == "ready"

    def make_database(self, address: Address) -> None:
        """Make the database on the running server where it is missing."""
        where = {"PGHOST": HOST, "PGPORT": str(address.port), "PGUSER": NAME, "PGDATABASE": "postgres"}
        self._run(
            [str(self._programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"],
            environ={**ENVIRON, **where, "PGPASSWORD": address.password},
            given=_MAKE_DATABASE,
        )

    def _initialise(self, path: Path, password: str) -> None:
        password_file = path.with_name("password")
        write_private_file(password_file, password.encode())
        try:
            os.chown(password_file, *self._runner.owner)
            # The builtin C.UTF-8 is the same on every system, whatever locales that one has.
            command = [*self._runner.prefix, str(self._programs / "initdb"), f"--pgdata={path}"]
            command += ["--encoding=UTF8", "--locale=C"]
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            command += [f"--username={NAME}", f"--pwfile={password_file}", "--auth=scram-sha-256"]
            self._run([*command, "--no-instructions"], environ=ENVIRON, user=self._runner.switch_to)
        finally:
            password_file.unlink(missing_ok=True)

    def _give(self, path: Path) -> None:
        """Make all of it the server's user's."""
        for folder, _, files in os.walk(path):
            for name in (folder, *(os.path.join(folder, file) for file in files)):  # noqa: PTH118 (walk gives text)
                os.chown(name, *self._runner.owner, follow_symlinks=False)

    def _run(
        self,
        command: list[str],
        environ: dict[str, str],
        given: str = "",
        user: tuple[int, int] | None = None,
    ) -> None:
        done = subprocess.run(
            command,
            input=given,
            env=environ,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
        )
        if done.returncode != 0:
            said = next(filter(str.strip, done.stderr.splitlines()), f"exit code {done.returncode}")
            message = f"a program of PostgreSQL failed: {said}"
            raise EmbeddedServerError(message)
