"""Folders for the embedded servers, and `variance up` on one of them."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.embedded.address import free_port
from worker.embedded.unprivileged import Runner

from .started_up import PROCFILE, StartUp, Up


@contextlib.contextmanager
def _open_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix='variance it\'s "up" '))
    path.chmod(0o711)
    try:
        yield path.resolve()
    finally:
        shutil.rmtree(path)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Give an empty folder that other users may pass through, with a name that wants quoting."""
    with _open_directory() as path:
        yield path


@pytest.fixture(scope="module")
def shared_directory() -> Iterator[Path]:
    """Give such a folder to all the tests of a module."""
    with _open_directory() as path:
        yield path


@pytest.fixture
def up(open_directory: Path) -> Iterator[StartUp]:
    """Give what starts it, and end all that was started."""
    started = []

    def start(procfile: str = PROCFILE, runner: Runner | None = None, port: int | None = None, **environ: str) -> Up:
        (open_directory / "Procfile").write_text(procfile)
        runner = runner or Runner(owner=(os.geteuid(), os.getegid()))
        started.append(Up(open_directory, port or free_port(), runner, environ))
        return started[-1]

    yield start
    for each in started:
        each.end()
