"""Lines from a thread that may wait for input as long as it likes, for an event loop that may not."""

import asyncio
import threading
from collections.abc import Iterable
from contextlib import suppress

from worker.importing.lines import Line

_AHEAD_BYTES = 4 * 1024 * 1024


class LineFeed:
    """Reads lines ahead, a few megabytes of them. To be made where the event loop runs.

    The thread is a daemon: one that waits for input keeps no process from ending.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._lock = threading.Condition()
        self._waiting: list[Line] = []
        self._waiting_bytes = 0
        self._has_ended = False
        self._failure: Exception | None = None
        threading.Thread(target=self._read, name="lines", daemon=True).start()

    async def take(self, patience_seconds: float) -> list[Line] | None:
        """Give the lines that came, none where none did in this time, and None after the last.

        Raises, after the last line before it, what ended the reading.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), patience_seconds)
        with self._lock:
            lines, self._waiting = self._waiting, []
            self._waiting_bytes = 0
            if not self._has_ended:
                self._came.clear()
            self._lock.notify()
        if lines or not self._has_ended:
            return lines
        if self._failure is not None:
            raise self._failure
        return None

    def _read(self) -> None:
        try:
            for line in self._lines:
                with self._lock:
                    self._waiting.append(line)
                    self._waiting_bytes += len(line.text)
                    is_first = len(self._waiting) == 1
                    if is_first:
                        self._tell()
                    while self._waiting_bytes > _AHEAD_BYTES:
                        self._lock.wait()
        except Exception as failure:  # noqa: BLE001 (whoever takes the lines is told)
            self._failure = failure
        with self._lock:
            self._has_ended = True
            self._tell()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # nobody takes lines any more: the loop is closed
            self._loop.call_soon_threadsafe(self._came.set)
