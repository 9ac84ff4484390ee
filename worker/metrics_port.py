"""The worker's `GET /metrics`, on a port of its own.

Several workers on one machine may be given the same port: with PROMETHEUS_MULTIPROC_DIR whoever has it tells for all
of them, and another takes it over; without, each needs its own to be seen. A port that cannot be had keeps nobody
from applying messages.
"""

import asyncio
import os
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from schemas.exposition import add_process_facts
from schemas.settings import WorkerSettings
from worker.pause import pause

_LOG = structlog.get_logger(__name__)
_TRY_AGAIN_SECONDS = 2.0
_SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # read by Prometheus' client, too, when it is imported


def is_shared_folder_there() -> bool:
    """Tell whether workers can share their counts, or need not."""
    folder = os.environ.get(_SHARED_FOLDER)
    return folder is None or (Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK))


async def serve_metrics(registry: CollectorRegistry, settings: WorkerSettings, stopping: asyncio.Event) -> None:
    """Serve until `stopping` is set; where the port is another's, try again until it is free."""
    shown = _shown(registry)
    port, host = settings.worker_metrics_port or 0, settings.worker_metrics_host
    is_told = False
    while not stopping.is_set():
        try:
            # It looks its own name up, which may take long.
            server, thread = await asyncio.to_thread(start_http_server, port, host, shown)
        except OSError as failure:
            if not is_told:
                _LOG.warning("metrics port not to be had yet", host=host, port=port, reason=failure.strerror)
            is_told = True
            await pause(stopping, _TRY_AGAIN_SECONDS)
            continue
        _LOG.info("metrics served", host=host, port=server.server_port)
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
