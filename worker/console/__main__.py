"""The `console` process: `python -m worker.console`."""
# ruff: noqa: E402 (importing comes second)

import gc

gc.disable()  # importing makes objects that stay, and looking for cycles among them takes a tenth of it

import asyncio
import signal
import sys

import structlog
import uvloop
from aiohttp import web

from schemas.garbage import look_seldom_for_cycles
from schemas.listening import CANNOT_LISTEN, console_place
from schemas.logs import log_unhandled, set_up_logs
from schemas.settings import ConsoleSettings, SettingsError, read_settings
from worker.console.app import create_console

_LOG: structlog.stdlib.BoundLogger = structlog.get_logger()
_OBJECTS_BETWEEN_LOOKS = 10_000
_SHUTDOWN_SECONDS = 2.0  # live pages never end by themselves


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exits with 1 and one line on standard error where it cannot."""
    try:
        settings = read_settings(ConsoleSettings)
    except SettingsError as error:
        sys.exit(f"console: {error}")
    set_up_logs(settings.log_level)
    look_seldom_for_cycles(_OBJECTS_BETWEEN_LOOKS)
    try:
        uvloop.run(_serve(settings))
    except SettingsError as error:  # what only listening could tell
        sys.exit(f"console: {error}")


async def _serve(settings: ConsoleSettings) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    app = create_console(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        port = await _listen(runner, settings)
        _LOG.info("listening", host=settings.console_host, port=port)
        await stopped.wait()
    finally:
        await runner.cleanup()
    _LOG.info("stopped")


async def _listen(runner: web.AppRunner, settings: ConsoleSettings) -> int:
    """Listen; give the port, which is a free one where 0 was asked for. Raises SettingsError where nobody can."""
    host, port = settings.console_host, settings.console_port
    try:
        await web.TCPSite(runner, host, port).start()
    except CANNOT_LISTEN as failure:
        raise console_place(host, port).error(failure) from None
    return int(runner.addresses[0][1])


if __name__ == "__main__":
    main()
