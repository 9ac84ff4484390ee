"""The whole system from start to clean end: embedded servers, `release`, and the Procfile's processes."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from schemas.listening import CANNOT_LISTEN, Place, console_place, try_listening, web_place, why_not
from schemas.settings import SettingsError
from worker.asking import NOT_ANSWERED, ask
from worker.embedded.data_dir import (
    DEFAULT_DIRECTORY,
    DataDirectory,
    DataDirectoryError,
    RunningServers,
    hold,
)
from worker.embedded.failure import EmbeddedServerError
from worker.embedded.processes import describe_process
from worker.up.failure import UpError
from worker.up.interrupts import Interrupts
from worker.up.procfile import PACKAGES, process_environ, read_procfile
from worker.up.servers import EmbeddedServers
from worker.up.supervisor import Supervisor

_RELEASE = "release"
_CONSOLE = "console"
_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 5.0
_CONSOLE_SECONDS = 15.0
_THREADS = 16  # for an embedded server one that waits for its end, and one that starts or stops it


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """What `variance up` is asked for.

    `is_released` is asked, with the database's URL, whether `release` would find nothing to do: then it does not run.
    `on_ready` is called once, when /health/ready first answers 200. `procfile` is the project's own by default.
    """

    port: int = 8080
    console_port: int = 8081
    directory: Path = DEFAULT_DIRECTORY
    is_released: Callable[[str], Awaitable[bool]] | None = None
    on_ready: Callable[[RunningServers], Awaitable[None]] | None = None
    procfile: Path | None = None


def run_up(options: UpOptions, environ: Mapping[str, str] = os.environ) -> int:
    """Run the system until Ctrl-C or SIGTERM; give the exit code.

    0 after a clean end, 1 after one that took force, or after a failure, told in one line on standard error.
    What `on_ready` raises is raised here, after everything has been ended.
    """
    try:
        return asyncio.run(_up(options, environ))
    except (DataDirectoryError, EmbeddedServerError, SettingsError, UpError) as error:
        _tell(str(error))
        return 1


async def _up(options: UpOptions, environ: Mapping[str, str]) -> int:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    commands = read_procfile(options.procfile)
    if not _is_there(options.directory):  # where it is, an earlier run's processes may have the ports: they end first
        _refuse_taken_ports(options, commands, environ)
    interrupts = Interrupts()
    async with interrupts.listen():
        with hold(options.directory) as directory:
            ended = await asyncio.to_thread(directory.end_orphans)
            if ended:
                _tell(f"ended what an earlier run had left: {', '.join(ended)}")
            _refuse_taken_ports(options, commands, environ)
            servers = EmbeddedServers(directory, environ)
            try:
                urls = await interrupts.unless_ending(servers.start())
                if urls is None:
                    return 0
                system = _System(
                    options=options,
                    environ=environ,
                    commands=commands,
                    urls=urls,
                    servers=servers,
                    directory=directory,
                )
                return await system.run(interrupts)
            finally:
                await servers.stop()
                directory.forget()


class _System:
    """The Procfile's processes on servers that run."""

    def __init__(  # noqa: PLR0913 (everything that the system is made of)
        self,
        *,
        options: UpOptions,
        environ: Mapping[str, str],
        commands: dict[str, str],
        urls: Mapping[str, str],
        servers: EmbeddedServers,
        directory: DataDirectory,
    ) -> None:
        me = describe_process("up", os.getpid())
        assert me is not None  # noqa: S101 (this very process)
        self._running = RunningServers(
            database_url=urls["DATABASE_URL"],
            redis_url=urls["REDIS_URL"],
            port=options.port,
            console_port=options.console_port,
            web_at=_web_place(options, environ).url,
            console_at=_console_place(options, environ).url if _CONSOLE in commands else None,
            up=me,
        )
        self._is_released = options.is_released
        self._on_ready = options.on_ready
        self._commands = commands
        self._servers = servers
        self._directory = directory
        self._supervisor = Supervisor(
            commands,
            process_environ(
                environ,
                **urls,
                PUBLIC_URL=_given(environ, "PUBLIC_URL", self._running.web_at),
                PORT=str(options.port),
                CONSOLE_PORT=str(options.console_port),
            ),
            cwd=PACKAGES,
            on_change=self._record,
        )

    async def run(self, interrupts: Interrupts) -> int:
        """Run until the user wants to end; give the exit code. Raises UpError where `release` fails."""
        self._record({})
        try:
            await interrupts.unless_ending(self._serve())
            self._supervisor.say("ending; Ctrl-C again hastens")
        finally:
            is_clean = await self._supervisor.stop(interrupts.hastened)
        return 0 if is_clean else 1

    async def _serve(self) -> None:
        keeping = asyncio.create_task(self._servers.keep_running(self._supervisor.say, self._record_again))
        try:
            await self._release()
            self._directory.keep()  # from here on messages are accepted
            for name in self._commands:
                if name != _RELEASE:
                    self._supervisor.keep_running(name)
            await asyncio.gather(keeping, self._supervisor.wait(), self._tell_ready())
        finally:
            keeping.cancel()

    async def _tell_ready(self) -> None:
        if self._on_ready is not None:
            await _until_ok(f"{self._running.web_at}/health/ready")
            if self._running.console_at is not None:  # whose trouble need not keep the rest from being told
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CONSOLE_SECONDS):
                        await _until_ok(f"{self._running.console_at}/health/live")
            await self._on_ready(self._running)

    async def _release(self) -> None:
        if _RELEASE not in self._commands:
            return
        if self._is_released is not None and await self._is_released(self._running.database_url):
            return
        exit_code = await self._supervisor.run_to_end(_RELEASE)
        if exit_code != 0:
            message = f"`{self._commands[_RELEASE]}` failed with exit code {exit_code}: see its lines above"
            raise UpError(message)

    def _record_again(self) -> None:
        self._record(self._supervisor.pids())

    def _record(self, pids: Mapping[str, int]) -> None:
        described = [describe_process(name, pid) for name, pid in pids.items()]
        processes = [process for process in described if process is not None]
        try:
            self._directory.record([*processes, *self._servers.processes()], self._running)
        except DataDirectoryError as error:
            self._supervisor.say(str(error))


def _tell(text: str) -> None:
    print(f"variance up: {text}", file=sys.stderr)  # noqa: T201 (the command's answer)


async def _until_ok(url: str) -> None:
    while not await asyncio.to_thread(_is_ok, url):  # noqa: ASYNC110 (another process makes it so)
        await asyncio.sleep(_POLL_SECONDS)


def _is_ok(url: str) -> bool:
    with contextlib.suppress(*NOT_ANSWERED):
        status, _ = ask(url, _ANSWER_SECONDS)
        return status == HTTPStatus.OK
    return False


def _is_there(directory: Path) -> bool:
    with contextlib.suppress(OSError):  # told when the directory is held
        return directory.exists()
    return True


def _refuse_taken_ports(options: UpOptions, commands: Mapping[str, str], environ: Mapping[str, str]) -> None:
    port = options.port
    if _CONSOLE in commands and port == options.console_port:
        raise UpError(f"--port (PORT) and --console-port (CONSOLE_PORT) are both {port}: give one of them another")
    _refuse_taken_port(_web_place(options, environ), "--port")
    if _CONSOLE in commands:
        _refuse_taken_port(_console_place(options, environ), "--console-port")


def _web_place(options: UpOptions, environ: Mapping[str, str]) -> Place:
    return web_place(_given(environ, "HOST", "0.0.0.0"), options.port)  # noqa: S104 (as `web` does)


def _console_place(options: UpOptions, environ: Mapping[str, str]) -> Place:
    return console_place(_given(environ, "CONSOLE_HOST", "127.0.0.1"), options.console_port)


def _given(environ: Mapping[str, str], name: str, default: str) -> str:
    """Give a variable's text as the processes read it: a blank one is none."""
    text = environ.get(name, "")
    return text if text.strip() else default


def _refuse_taken_port(place: Place, option: str) -> None:
    try:
        try_listening(place.host, place.port)
    except CANNOT_LISTEN as failure:
        variable = place.wrong_variable(failure)
        if variable != place.port_variable:
            raise place.error(failure) from None
        message = f"port {place.port} cannot be used ({why_not(failure)}): free it, or give another with {option}"
        raise UpError(f"{message} or {variable}") from None
