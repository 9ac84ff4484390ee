"""Keeps the Procfile's processes running, starts again what ends by itself, prints what they say."""

import asyncio
import contextlib
import datetime as dt
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

from honcho.colour import get_colours
from honcho.printer import Message, Printer
from honcho.process import Process

from worker.back_off import BackOff
from worker.pause import pause
from worker.up.procfile import without_shell

GRACE_SECONDS = 15.0
_SYSTEM = "system"
_BACK_OFF = BackOff(first_seconds=0.2, longest_seconds=10.0)


class Supervisor:
    """Runs each command as the shell reads it, in a session of its own, in the folder `cwd` with `environ`.

    `on_change` is called in the event loop with the pids by name whenever one starts or ends.
    """

    def __init__(
        self,
        commands: Mapping[str, str],
        environ: Mapping[str, str],
        cwd: Path,
        on_change: Callable[[Mapping[str, int]], None] = lambda _: None,
    ) -> None:
        self._commands = commands
        self._environ = environ
        self._cwd = cwd
        self._on_change = on_change
        self._printer = Printer(sys.stderr, width=max(map(len, (_SYSTEM, *commands))))
        self._colours = dict(zip(commands, get_colours(), strict=False))
        self._pids: dict[str, int] = {}
        self._exit_codes: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._stopping = asyncio.Event()
        self._threads = ThreadPoolExecutor(len(commands) + 1, thread_name_prefix="procfile")

    def say(self, text: str) -> None:
        """Print a line of the supervisor's own among those of the processes."""
        self._print(Message("line", text, dt.datetime.now().astimezone(), _SYSTEM, None))

    def pids(self) -> dict[str, int]:
        """Give the pids of the processes that run, by name, in the commands' order."""
        return {name: self._pids[name] for name in self._commands if name in self._pids}

    async def run_to_end(self, name: str) -> int:
        """Run a command once; give its exit code, which is negative where a signal ended it."""
        self._tasks[name] = asyncio.create_task(self._run(name))
        return int(await asyncio.shield(self._tasks[name]))

    def keep_running(self, name: str) -> None:
        """Run a command until stop(), again whenever it ends."""
        self._tasks[name] = asyncio.create_task(self._keep_running(name))

    async def wait(self) -> None:
        """Wait for a failure of the supervisor itself, and raise it; the processes' own are no such thing."""
        await asyncio.gather(*map(asyncio.shield, self._tasks.values()))

    async def stop(self, hasten: asyncio.Event) -> bool:
        """Ask every process to end; end by force what has not after GRACE_SECONDS, or once `hasten` is set.

        True where all ended by themselves.
        """
        self._stopping.set()
        self._signal(signal.SIGTERM)
        ended = asyncio.gather(*self._tasks.values(), return_exceptions=True)
        hastened = asyncio.ensure_future(hasten.wait())
        waited_for: set[asyncio.Future[Any]] = {ended, hastened}
        await asyncio.wait(waited_for, timeout=GRACE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        is_clean = ended.done()
        if not is_clean:
            self._signal(signal.SIGKILL)
            await ended
        hastened.cancel()
        self._threads.shutdown()
        return is_clean

    async def _keep_running(self, name: str) -> None:
        pause_seconds = 0.0
        while not self._stopping.is_set():
            started_at = time.monotonic()
            exit_code = await self._run(name)
            if self._stopping.is_set():
                return
            pause_seconds = _BACK_OFF.next_seconds(pause_seconds, time.monotonic() - started_at)
            self.say(f"{name} {_how(exit_code)}; it starts again in {pause_seconds:g} s")
            await pause(self._stopping, pause_seconds)

    async def _run(self, name: str) -> int:
        process = Process(
            without_shell(self._commands[name], self._environ.get("PATH", os.defpath)),
            name=name,
            colour=self._colours[name],
            env=dict(self._environ),
            cwd=str(self._cwd),
        )
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, process.run, _Events(loop, self._take))
        return self._exit_codes[name]

    def _take(self, message: Message) -> None:
        if message.type == "line":
            self._print(message)
            return
        if message.type == "start":
            self._pids[message.name] = message.data["pid"]
            if self._stopping.is_set():  # it was being started when the others were told to end
                self._signal(signal.SIGTERM)
        else:
            self._exit_codes[message.name] = message.data["returncode"]
            self._pids.pop(message.name, None)
        self._on_change(self.pids())

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)

    def _print(self, message: Message) -> None:
        # Looked up anew, since a progress bar puts a stream of its own there; and a terminal may be gone.
        stream: TextIO = sys.stderr
        self._printer.output = stream
        with contextlib.suppress(OSError, ValueError):
            self._printer.write(message)


class _Events:
    """The queue that a honcho process, in its thread, puts its messages into: the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[Message], None]) -> None:
        self._loop = loop
        self._take = take

    def put(self, message: Message) -> None:
        self._loop.call_soon_threadsafe(self._take, message)


def _how(exit_code: int) -> str:
    """Say how a process ended. A shell gives 128 and the signal's number for what it ran."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(number).name}"
    return f"ended with exit code {exit_code}"
