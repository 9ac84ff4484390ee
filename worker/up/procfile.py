"""The Procfile's own lines, and the surroundings in which they run."""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from honcho.environ import parse_procfile

import worker
from worker.up.failure import UpError

PACKAGES = Path(worker.__file__).resolve().parent.parent  # the folder that has ingest, worker and schemas

_SHELLS_OWN = re.compile(r"[;&|()<>\n]")
"""What is in a command that is more than one program with its arguments."""

# Inside the installed package, or else beside the packages, as in a clone.
_PLACES = (PACKAGES / "worker" / "Procfile", PACKAGES / "Procfile")


def read_procfile(path: Path | None = None) -> dict[str, str]:
    """Give each process' command by its name, in the file's order; from the project's own file by default.

    Raises UpError where it cannot be read.
    """
    path = path or next(filter(Path.is_file, _PLACES), _PLACES[-1])
    try:
        return dict(parse_procfile(path.read_text()).processes)
    except OSError as error:
        message = f"the Procfile {path} cannot be read: {error.strerror}"
        raise UpError(message) from None


def without_shell(command: str, path: str) -> str:
    """Have the shell make way for a command that is one program of `path`; another is given as it is.

    A shell above the program would be taken for it: who ends the shell leaves the program running.
    """
    words = command.split()
    is_one_program = bool(words) and not _SHELLS_OWN.search(command) and shutil.which(words[0], path=path) is not None
    return f"exec {command}" if is_one_program else command


def process_environ(environ: Mapping[str, str], **given: str) -> dict[str, str]:
    """Give the environment of the Procfile's processes: `environ`, and `given` over it.

    `python` and `variance` are those of the Python that runs this; output is not held back.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])
    return {**environ, "PYTHONUNBUFFERED": "1", **given, "PATH": path}
