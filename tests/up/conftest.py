"""Folders for the embedded servers."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


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
