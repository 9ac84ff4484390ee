"""How fast `variance import` applies a file, beside the worker's rate through the queue.

Run it with `python -m tests.bench.importing [MESSAGES]`, by default 1,000,000, which takes some minutes; it writes
`tests/bench/results/importing.md`. Both have one core, the servers the others. The worker's rate is taken before and
after the import, on messages of the same kind.
"""

import gzip
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
from rich.console import Console

from tests.bench.both_servers import CONNECTION, Servers, running_servers
from tests.bench.cores import pinned, split
from tests.bench.ratios import Ratio
from tests.bench.report import report
from tests.bench.traffic import traffic
from tests.bench.worker_rate import apply_backlog

MESSAGES = 1_000_000
WORKER_MESSAGES = 60_000


def write_file(path: Path, messages: int) -> None:
    """Write the messages as lines."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for message in traffic(messages):
            file.write(orjson.dumps(message) + b"\n")


def import_file(servers: Servers, path: Path, messages: int) -> float:
    """Import the file into an empty database; give messages a second, the command's own start included."""
    servers.renew()
    command = [sys.executable, "-m", "worker.cli", "import", str(path), "--connection", CONNECTION, "--json"]
    started_at = time.perf_counter()
    with pinned(split()[0]):
        done = subprocess.run(command, env=servers.environ(), stdout=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - started_at
    assert orjson.loads(done.stdout)["applied"] == messages
    return messages / seconds


def main() -> None:
    """Measure, print and write."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    ratio = Ratio("messages/s of the import, of the worker's through the queue", 1.2)
    with running_servers() as servers, tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "messages.ndjson.gz"
        write_file(path, messages)
        Console().print(f"{path.stat().st_size / 1e6:,.0f} MB to import")
        worker_rates = [apply_backlog(servers, WORKER_MESSAGES).messages_per_second]
        import_rates = [import_file(servers, path, messages)]
        worker_rates.append(apply_backlog(servers, WORKER_MESSAGES).messages_per_second)
    ratio.rounds = [import_rates[0] / rate for rate in worker_rates]
    figures = {"worker, messages/s": worker_rates, "import, messages/s": import_rates}
    report("importing", f"A gzip file of {messages:,} messages, imported once.", [ratio], figures)


if __name__ == "__main__":
    main()
