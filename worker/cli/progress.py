"""How far a long command has got: a bar where standard error is a terminal, else a log line every few seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

_LOG = structlog.get_logger(__name__)
_LOG_SECONDS = 5.0


class Meter(Protocol):
    """Shows progress."""

    def show(self, completed: int, text: str) -> None:
        """Show that this much of the total is done, and say it in a few words."""


@contextmanager
def show_progress(title: str, total: int | None) -> Iterator[Meter]:
    """Show the progress of the block, whose total may be unknown."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _LogMeter(title, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        yield _BarMeter(bar, bar.add_task(title, total=total, text=""))


class _BarMeter:
    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def show(self, completed: int, text: str) -> None:
        self._bar.update(self._task, completed=completed, text=text)


class _LogMeter:
    def __init__(self, title: str, total: int | None) -> None:
        self._title = title
        self._total = total
        self._told_at = time.monotonic()

    def show(self, completed: int, text: str) -> None:
        if time.monotonic() - self._told_at >= _LOG_SECONDS:
            self._told_at = time.monotonic()
            percent = {"percent": round(100 * completed / self._total)} if self._total else {}
            _LOG.info(self._title.lower(), progress=text, **percent)
