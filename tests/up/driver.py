"""Runs run_up() as a process of its own, and prints what on_ready was given: DIRECTORY PROCFILE PORT."""

import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from worker.embedded.data_dir import RunningServers
from worker.up.up import UpOptions, run_up


async def _print_ready(running: RunningServers) -> None:
    print(msgspec.json.encode(running).decode(), flush=True)  # noqa: T201 (read by the test)


sys.exit(
    run_up(
        UpOptions(
            port=int(sys.argv[3]),
            directory=Path(sys.argv[1]),
            on_ready=_print_ready,
            procfile=Path(sys.argv[2]),
        )
    )
)
