"""The worker's `GET /metrics`, on a port of its own.

Several workers on one machine may be given the same port: with PROMETHEUS_MULTIPROC_DIR whoever has it tells for all
of them, and another takes it over; without, each needs its own to be seen. A port that another has keeps nobody from
applying messages; where nobody could listen, the worker does not start.
"""

import asyncio
import errno
import os
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from schemas.exposition import add_process_facts
from schemas.listening import CANNOT_LISTEN, Place, try_listening, why_not
from schemas.settings import SettingsError
from worker.pause import pause

_LOG = structlog.get_logger(__name__)
_TRY_AGAIN_SECONDS = 2.0
_SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # read by Prometheus' client, too, when it is imported


def refuse_wrong_metrics(place: Place) -> None:
    """Raise SettingsError where metrics could never be served: a port that another has is none of that."""
    folder = os.environ.get(_SHARED_FOLDER)
    if folder is not None and not (Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise SettingsError(f"{_SHARED_FOLDER} is no folder that can be written to")
    try:
        try_listening(place.host, place.port)
    except CANNOT_LISTEN as failure:
        is_taken = isinstance(failure, OSError) and failure.errno == errno.EADDRINUSE
        if place.wrong_variable(failure) and not is_taken:
            raise place.error(failure) from None


async def serve_metrics(registry: CollectorRegistry, place: Place, stopping: asyncio.Event) -> None:
    """Serve until `stopping` is set; where the port is another's, try again until it is free."""
    shown = _shown(registry)
    is_told = False
    while not stopping.is_set():
        try:
            # It looks its own name up, which may take long.
            server, thread = await asyncio.to_thread(start_http_server, place.port, place.host, shown)
        except CANNOT_LISTEN as failure:
            if not is_told:
                _LOG.warning(
                    "metrics port not to be had yet",
                    host=place.host,
                    port=place.port,
                    reason=why_not(failure),
                    variable=place.wrong_variable(failure),
                )
            is_told = True
            await pause(stopping, _TRY_AGAIN_SECONDS)
            continue
        _LOG.info("metrics served", host=place.host, port=server.server_port)
        await stopping.wait()
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


def _shown(registry: CollectorRegistry) -> CollectorRegistry:
    """Give what is answered: the machine's counts where they are shared, else the process' own and its facts."""
    if _SHARED_FOLDER in os.environ:
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call] # the client has no type for it
        return shared
    add_process_facts(registry)
    return registry
