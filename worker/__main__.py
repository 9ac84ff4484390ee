"""The `worker` process: `python -m worker`."""

import asyncio
import signal
import sys

import uvloop

from schemas.logs import set_up_logs
from schemas.settings import SettingsError, WorkerSettings, read_settings
from worker.garbage import look_seldom_for_cycles
from worker.service import run_worker


async def _run(settings: WorkerSettings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await run_worker(settings, stopping)


def main() -> None:
    """Read the settings and run until told to stop."""
    try:
        settings = read_settings(WorkerSettings)
    except SettingsError as error:
        sys.exit(f"worker: {error}")
    set_up_logs(settings.log_level)
    look_seldom_for_cycles()
    try:
        uvloop.run(_run(settings))
    except SettingsError as error:  # what only the servers could tell
        sys.exit(f"worker: {error}")


if __name__ == "__main__":
    main()
