"""The wish to end: the first Ctrl-C (or SIGTERM, or a closed terminal), and the second, which hastens."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Interrupts:
    """Two events, set by the first signal and by the second."""

    def __init__(self) -> None:
        self.ending = asyncio.Event()
        self.hastened = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[None]:
        """Take the signals while the block runs, but for a hang-up that is ignored (`nohup`)."""
        loop = asyncio.get_running_loop()
        taken = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            taken.append(signal.SIGHUP)
        for number in taken:
            loop.add_signal_handler(number, self._take)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)

    async def unless_ending(self, work: Coroutine[Any, Any, _Result]) -> _Result | None:
        """Do the work; None, and the work cancelled, where the user wants to end first."""
        task = asyncio.create_task(work)
        ending = asyncio.create_task(self.ending.wait())
        try:
            await asyncio.wait({task, ending}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            ending.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _take(self) -> None:
        if self.ending.is_set():
            self.hastened.set()
        self.ending.set()
