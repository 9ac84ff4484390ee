"""The `worker` process: `python -m worker`."""
# ruff: noqa: E402 (importing comes second)

import gc

gc.disable()  # importing makes objects that stay, and looking for cycles among them takes a tenth of it

import asyncio
import signal
import sys

import uvloop
from prometheus_client import CollectorRegistry

from schemas.garbage import look_seldom_for_cycles
from schemas.listening import Place, metrics_place
from schemas.logs import log_unhandled, set_up_logs
from schemas.settings import SettingsError, WorkerSettings, read_settings
from schemas.tracing import tracing_of
from worker.drain_metrics import DrainMetrics
from worker.metrics_port import refuse_wrong_metrics, serve_metrics
from worker.service import run_worker

_OBJECTS_BETWEEN_LOOKS = 100_000  # a drain has fewer; looking for cycles in each took a fifth of the processor's time


async def _run(settings: WorkerSettings, place: Place | None) -> None:
    """Run until told to stop; `place` is where metrics are served, if they are to be."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(log_unhandled)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    tracing = tracing_of("worker")
    if place is None:
        await run_worker(settings, stopping, tracing=tracing)
    else:
        registry = CollectorRegistry()
        metrics = DrainMetrics(registry)
        serving = asyncio.create_task(serve_metrics(registry, place, stopping))
        await run_worker(settings, stopping, metrics, tracing)
        await serving
    if tracing is not None:
        await asyncio.to_thread(tracing.close)


def main() -> None:
    """Read the settings and run until told to stop."""
    try:
        settings = read_settings(WorkerSettings)
    except SettingsError as error:
        sys.exit(f"worker: {error}")
    set_up_logs(settings.log_level)
    look_seldom_for_cycles(_OBJECTS_BETWEEN_LOOKS)
    try:
        place = metrics_place(settings)
        if place is not None:
            refuse_wrong_metrics(place)
        uvloop.run(_run(settings, place))
    except SettingsError as error:  # what only the servers, or the system, could tell
        sys.exit(f"worker: {error}")


if __name__ == "__main__":
    main()
