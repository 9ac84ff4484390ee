"""The real command in a process of its own, where a warning is a failure."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import orjson

from tests.cli.loaded import Loaded

ROOT = Path(__file__).resolve().parent.parent.parent
_OURS = (
    "DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "CONSOLE_URL", "LOG_LEVEL", "HOST", "PORT", "CONSOLE_HOST",
    "CONSOLE_PORT", "COLUMNS",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which is one JSON document and nothing else."""
        assert self.exit_code == 0, self.err
        return self.document

    @property
    def document(self) -> Any:
        """The JSON document, however the command ended."""
        return orjson.loads(self.out)

    @property
    def failure(self) -> str:
        """The one line of a failure."""
        return self._line(1)

    @property
    def wrong_usage(self) -> str:
        """The one line about what was typed."""
        assert self.out == ""
        return self._line(2)

    def _line(self, exit_code: int) -> str:
        assert self.exit_code == exit_code, (self.exit_code, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith(("variance: ", "variance up: "))
        return lines[0]


@dataclass(slots=True)
class Variance:
    """Runs `variance` in a directory, with these variables."""

    directory: Path
    environ: dict[str, str] = field(default_factory=dict)

    async def __call__(self, *words: str, stdin: bytes = b"", **environ: str) -> Ended:
        """Run a command to its end; variables that are given here win."""
        request = {"words": words, "directory": str(self.directory), "environ": _environ(self.environ | environ)}
        with TemporaryFile() as out, TemporaryFile() as err:
            exit_code = await asyncio.to_thread(_loaded().run, request, stdin, out, err)
            told = [_read(each) for each in (out, err)]
        assert "Traceback" not in told[1], told[1]
        return Ended(exit_code, *told)

    async def start(self, *words: str, **environ: str) -> asyncio.subprocess.Process:
        """Start a command, in a Python of its own."""
        return await self.start_on(asyncio.subprocess.PIPE, *words, **environ)

    async def start_on(self, stderr: int, /, *words: str, **environ: str) -> asyncio.subprocess.Process:
        """Start a command whose standard error is a file, such as a terminal."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "worker.cli", *words,
            cwd=self.directory,
            env=_environ(self.environ | environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )  # fmt: skip


@cache
def _loaded() -> Loaded:
    return Loaded(_environ({}))


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _environ(given: Mapping[str, str]) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in _OURS}
    return plain | {"PYTHONPATH": str(ROOT)} | dict(given)
