"""The embedded servers of one `variance up`: those for which the environment names no server."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from typing import Protocol

from worker.embedded.data_dir import DataDirectory
from worker.embedded.failure import EmbeddedServerError
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.processes import StartedProcess, describe_process
from worker.embedded.valkey import EmbeddedValkey

_TITLES = {"REDIS_URL": "valkey", "DATABASE_URL": "postgres"}
_POLL_SECONDS = 0.1
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


class _Server(Protocol):
    @property
    def pid(self) -> int | None: ...
    @property
    def stop_signal(self) -> signal.Signals: ...
    def start(self) -> str: ...
    def stop(self) -> None: ...
    def wait(self) -> None: ...


class EmbeddedServers:
    """Starts what is needed, starts it again when it dies, and ends it: Valkey first, PostgreSQL last."""

    def __init__(self, directory: DataDirectory, environ: Mapping[str, str]) -> None:
        self._urls = {name: environ[name] for name in _TITLES if environ.get(name, "").strip()}
        self._servers: dict[str, _Server] = {}
        if "REDIS_URL" not in self._urls:
            self._servers["REDIS_URL"] = EmbeddedValkey(directory.valkey_path)
        if "DATABASE_URL" not in self._urls:
            self._servers["DATABASE_URL"] = EmbeddedPostgres(directory.postgres_path)
        self._starting: dict[str, asyncio.Task[str]] = {}
        self._is_stopping = False

    async def start(self) -> dict[str, str]:
        """Start the servers side by side; give REDIS_URL and DATABASE_URL. Raises EmbeddedServerError."""
        results = await asyncio.gather(*map(self._start, self._servers), return_exceptions=True)
        for name, result in zip(self._servers, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            self._urls[name] = result
        return dict(self._urls)

    def processes(self) -> list[StartedProcess]:
        """Give the servers' processes in the order in which they are to end."""
        described = [
            describe_process(_TITLES[name], server.pid, server.stop_signal)
            for name, server in self._servers.items()
            if server.pid is not None
        ]
        return [process for process in described if process is not None]

    async def keep_running(self, say: Callable[[str], None], on_change: Callable[[], None]) -> None:
        """Start a server that died again, at the same URL, until stop()."""
        await asyncio.gather(*(self._keep(name, server, say, on_change) for name, server in self._servers.items()))

    async def stop(self) -> None:
        """End the servers, one after the other, also those that are just being started."""
        self._is_stopping = True
        for name, server in self._servers.items():
            starting = self._starting.get(name)
            while starting is not None and not starting.done():
                await asyncio.to_thread(server.stop)
                await asyncio.wait({starting}, timeout=_POLL_SECONDS)
            if starting is not None and not starting.cancelled():
                starting.exception()  # told already, or of no interest any more
            await asyncio.to_thread(server.stop)

    async def _start(self, name: str) -> str:
        self._starting[name] = asyncio.create_task(asyncio.to_thread(self._servers[name].start))
        return await asyncio.shield(self._starting[name])

    async def _keep(
        self, name: str, server: _Server, say: Callable[[str], None], on_change: Callable[[], None]
    ) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            await asyncio.to_thread(server.wait)
            if self._is_stopping:
                return
            say(f"{_TITLES[name]} died; it starts again")
            try:
                await self._start(name)
            except EmbeddedServerError as error:
                say(str(error))
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            else:
                pause_seconds = _FIRST_PAUSE_SECONDS
                on_change()
