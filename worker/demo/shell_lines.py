"""Lines to copy into a shell: they work in the folder where this was started, whatever is installed besides."""

import os
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from worker.embedded.failure import EmbeddedServerError
from worker.embedded.postgres import find_programs


def lines_for_a_shell(curl_line: str) -> list[str]:
    """Give lines that look into Postgres and into Redis, and the one that posts a message."""
    variance = _this_program()
    return [
        f'{_psql()} "$({variance} env DATABASE_URL)" -c "SELECT * FROM variance.contacts LIMIT 10"',  # noqa: S608 (to be read)
        f"redis-cli -u \"$({variance} env REDIS_URL)\" --scan --pattern 'variance:*'",
        curl_line,
    ]


def _this_program() -> str:
    """Give how the `variance` command is called here: its environment need not be activated."""
    called = Path(sys.argv[0])
    found = shutil.which("variance")
    if found is not None and called.exists() and Path(found).samefile(called):
        return "variance"
    return shlex.quote(str(called)) if called.name == "variance" else f"{shlex.quote(sys.executable)} -m worker.cli"


def _psql() -> str:
    """Give how psql is called: the embedded PostgreSQL's own, where there is no other."""
    if shutil.which("psql") is None:
        with suppress(EmbeddedServerError):  # it is not installed
            return shlex.quote(os.path.relpath(find_programs() / "psql"))
    return "psql"
