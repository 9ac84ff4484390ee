"""`python -m ingest`: the `web` process."""
# ruff: noqa: E402 (importing comes second)

import gc

gc.disable()  # importing makes objects that stay, and looking for cycles among them takes a tenth of it

import asyncio
import signal
import sys

import structlog
import uvloop
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from ingest.app import BACKGROUND, create_app
from ingest.server import Site
from ingest.sockets import SOCKETS
from schemas.foreseen import ForeseenError
from schemas.garbage import look_seldom_for_cycles
from schemas.listening import CANNOT_LISTEN, web_place
from schemas.logs import log_unhandled, set_up_logs
from schemas.settings import SettingsError, WebSettings, read_settings
from schemas.tracing import tracing_of

_OBJECTS_BETWEEN_LOOKS = 10_000  # looking for cycles in each batch takes a quarter of its time

_log: structlog.stdlib.BoundLogger = structlog.get_logger()


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exits with 1 and one line on standard error where it cannot."""
    # The slow parser in Python has had holes, such as smuggled requests, that the one in C has not.
    if HttpRequestParser is HttpRequestParserPy:
        sys.exit("web: aiohttp was installed without its C extensions; install one of its wheels")
    try:
        settings = read_settings(WebSettings)
    except SettingsError as error:
        sys.exit(f"web: {error}")
    set_up_logs(settings.log_level)
    look_seldom_for_cycles(_OBJECTS_BETWEEN_LOOKS)
    try:
        uvloop.run(_serve(settings))
    except ForeseenError as error:
        sys.exit(f"web: {error}")


async def _serve(settings: WebSettings) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    tracing = tracing_of("web")
    app = create_app(settings, tracing)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=settings.shutdown_seconds)
    await runner.setup()
    try:
        site = await _listen(runner, settings)
        _log.info("listening", host=settings.host, port=site.port, max_open_sockets=app[SOCKETS].max_open)
        stop = asyncio.create_task(stopped.wait())
        await asyncio.wait([stop, *app[BACKGROUND]], return_when=asyncio.FIRST_COMPLETED)
        _log.info("stopping")
    finally:
        await runner.cleanup()  # raises what ended work in the background before its time
        if tracing is not None:
            await asyncio.to_thread(tracing.close)
    _log.info("stopped")


async def _listen(runner: web.AppRunner, settings: WebSettings) -> Site:
    """Listen. Raises SettingsError where nobody can."""
    site = Site(runner, settings.host, settings.port)
    try:
        await site.start()
    except CANNOT_LISTEN as failure:
        raise web_place(settings.host, settings.port).error(failure) from None
    return site


if __name__ == "__main__":
    main()
