"""The real command in a process of its own, where a warning is a failure."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parent.parent.parent
_OURS = ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "CONSOLE_URL", "LOG_LEVEL", "PORT", "COLUMNS")


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
        assert self.exit_code == 1, (self.exit_code, self.err)
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
        process = await self.start(*words, **environ)
        out, err = await process.communicate(stdin)
        assert b"Traceback" not in err, err.decode()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def start(self, *words: str, **environ: str) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "worker.cli", *words,
            cwd=self.directory,
            env=_environ(self.environ | environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip


def _environ(given: Mapping[str, str]) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name not in _OURS}
    return plain | {"PYTHONPATH": str(ROOT)} | dict(given)
