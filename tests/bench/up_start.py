"""How long `variance up` takes on a DIR that it has served before, beside PostgreSQL's own start on the same data.

Run it with `python -m tests.bench.up_start`; it takes a minute and writes `tests/bench/results/up_start.md`. The system
runs as the README's first command installs it.
"""

import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path

from tests.bench.installed import installed
from tests.bench.ratios import Ratio
from tests.bench.report import report
from worker.embedded.address import free_port
from worker.embedded.postgres import EmbeddedPostgres

ROUNDS = 7


def start_up(python: Path, directory: Path) -> float:
    """Start and end the system; give the seconds until a message posted would be acknowledged."""
    port, console_port = free_port(), free_port()
    command = [str(python), "-m", "worker.cli", "up", "--data", str(directory), "--port", str(port)]
    command += ["--console-port", str(console_port)]
    environ = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
    started_at = time.perf_counter()
    up = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _is_ready(port):
            time.sleep(0.005)
        return time.perf_counter() - started_at
    finally:
        up.terminate()
        up.wait()


def start_postgres(directory: Path) -> float:
    """Start and end PostgreSQL alone; give the seconds until it takes connections."""
    postgres = EmbeddedPostgres(directory / "postgres")
    started_at = time.perf_counter()
    postgres.start()
    seconds = time.perf_counter() - started_at
    postgres.stop()
    return seconds


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def main() -> None:
    """Measure, print and write."""
    ratio = Ratio("`variance up` until ready, of PostgreSQL's own start", 4, is_at_most=True)
    figures: dict[str, list[float]] = defaultdict(list)
    with installed() as python, tempfile.TemporaryDirectory(prefix="variance-bench-") as folder:
        directory = Path(folder) / "data"
        start_up(python, directory)
        for _ in range(ROUNDS):
            postgres_seconds, up_seconds = start_postgres(directory), start_up(python, directory)
            figures["PostgreSQL, seconds"].append(postgres_seconds)
            figures["`variance up`, seconds"].append(up_seconds)
            ratio.rounds.append(up_seconds / postgres_seconds)
    report("up_start", f"On a directory that was served before, {ROUNDS} times in turn.", [ratio], figures)


if __name__ == "__main__":
    main()
