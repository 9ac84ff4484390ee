"""How fast one `web` process acknowledges posts, beside what bounds it and what it replaces.

Run it with `python -m tests.bench.edge`; it takes five minutes, starts everything itself, and writes
`tests/bench/results/edge.md`. Absolute figures mean little from one machine to the next; the ratios do.
"""

import argparse
import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path

from rich.console import Console
from rich.status import Status

from tests.bench.cores import machine, pinned, split
from tests.bench.installed import installed
from tests.bench.posts import WARM_UP_SECONDS
from tests.bench.ratios import Ratio, as_markdown, print_table, write_results
from tests.bench.servers import Served, embedded_valkey, empty_queue, peer, web
from tests.ingest.edge import SECRET

CONNECTIONS = 64
BATCH_MESSAGES = 100
_LATENCY_TURNS = 4
HEADINGS = ("what", "posts/s", "p50 ms", "p99 ms", "CPU µs a post", "of its core", "load's share of the other")


@dataclass(frozen=True)
class Found:
    """What one measurement found. Latencies are from when a post was due to its answer.

    `busy_ratio` is how much of its core the server had: well below 1, it is something else that was measured.
    """

    posts_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_microseconds: float
    busy_ratio: float
    load_busy_ratio: float

    @classmethod
    def median(cls, rounds: list["Found"]) -> "Found":
        """Give the median of each value."""
        names = [value.name for value in fields(cls)]
        return cls(**{name: statistics.median(getattr(found, name) for found in rounds) for name in names})

    def row(self, name: str) -> tuple[str, ...]:
        """Give the values as text, in the order of HEADINGS."""
        latencies = f"{self.p50_ms:.2f}", f"{self.p99_ms:.2f}"
        shares = f"{self.busy_ratio:.0%}", f"{self.load_busy_ratio:.0%}"
        return name, f"{self.posts_per_second:,.0f}", *latencies, f"{self.cpu_microseconds:.0f}", *shares


def _ratios() -> dict[str, Ratio]:
    return {
        "empty": Ratio("posts/s ÷ an empty aiohttp handler's", 0.9),
        "arq": Ratio("posts/s ÷ with one arq `enqueue_job` a post", 7),
        "batches": Ratio("messages/s in batches of 100 ÷ in single posts", 5),
        "p99": Ratio("p99 at half of that load ÷ the empty handler's", 2, is_at_most=True),
    }


@dataclass
class Edge:
    """The sides, what each measurement found, and the ratios between them."""

    redis_url: str
    empty: Served
    arq: Served
    web: Served
    status: Status
    found: dict[str, list[Found]] = field(default_factory=dict)
    memory_mib: list[float] = field(default_factory=list)
    ratios: dict[str, Ratio] = field(default_factory=_ratios)
    core_ratios: dict[str, Ratio] = field(default_factory=_ratios)
    """The same by the processor's time that each side had: what is true of a core that nobody else uses."""

    def throughput(self, seconds: float) -> Found:
        """Measure both peers and `web` with all that the connections can send; give what `web` did."""
        empty = self._measure("empty aiohttp handler", self.empty, seconds)
        single = self._measure("`web`", self.web, seconds)
        arq = self._measure("one `enqueue_job` a post", self.arq, seconds)
        self._compare("empty", single, empty)
        self._compare("arq", single, arq)
        return single

    def batches(self, seconds: float, single: Found) -> None:
        """Measure `web` with batches."""
        batches = self._measure("`web`, batches of 100", self.web, seconds, messages=BATCH_MESSAGES)
        self._compare("batches", batches, single, BATCH_MESSAGES)

    def latency(self, seconds: float, rate: float) -> None:
        """Measure how long answers take at a rate that is well below what `web` can do."""
        empty = self._measure("empty aiohttp handler, half load", self.empty, seconds, rate=rate)
        single = self._measure("`web`, half load", self.web, seconds, rate=rate)
        self.ratios["p99"].rounds.append(single.p99_ms / empty.p99_ms)

    def rows(self) -> list[tuple[str, ...]]:
        """Give the ratios as text: by the clock, and by the processor's time where that says something."""
        by_core = {name: ratio.row()[2:] for name, ratio in self.core_ratios.items() if ratio.rounds}
        return [(*ratio.row(), *by_core.get(name, ("", ""))) for name, ratio in self.ratios.items()]

    def _compare(self, name: str, one: Found, other: Found, messages: int = 1) -> None:
        self.ratios[name].rounds.append(one.posts_per_second * messages / other.posts_per_second)
        self.core_ratios[name].rounds.append(other.cpu_microseconds * messages / one.cpu_microseconds)

    def _measure(
        self, name: str, served: Served, seconds: float, *, messages: int = 1, rate: float | None = None
    ) -> Found:
        self.status.update(f"round {len(self.found.setdefault(name, [])) + 1}: {name}")
        empty_queue(self.redis_url)
        command = [sys.executable, "-m", "tests.bench.posts", "--secret", SECRET, "--connections", str(CONNECTIONS)]
        command += ["--port", str(served.port), "--messages", str(messages), "--seconds", str(seconds)]
        command += [] if rate is None else ["--rate", str(rate)]
        cpu_seconds = served.cpu_seconds()
        with pinned(split()[1]):
            run = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        cpu_seconds = served.cpu_seconds() - cpu_seconds
        told = json.loads(run.stdout)
        found = Found(
            cpu_microseconds=cpu_seconds * 1e6 / told.pop("posts"),
            busy_ratio=cpu_seconds / (WARM_UP_SECONDS + seconds),
            **told,
        )
        self.found[name].append(found)
        self.memory_mib.append(self.web.resident_mib())
        return found


def measure(rounds: int, seconds: float, *, in_full: bool, python: str | Path = sys.executable) -> Edge:
    """Measure all sides in turn, this many times; only what the guard looks at unless `in_full`.

    `python` runs `web`.
    """
    with ExitStack() as stack:
        status = stack.enter_context(Console(stderr=True).status("starting"))
        redis_url = stack.enter_context(embedded_valkey())
        empty, arq = (stack.enter_context(peer(name, redis_url)) for name in ("empty", "arq"))
        edge = Edge(redis_url, empty, arq, stack.enter_context(web(redis_url, python)), status)
        for _ in range(rounds):
            single = edge.throughput(seconds)
            if in_full:
                edge.batches(seconds, single)
                # In short turns: what somebody else does to the machine meanwhile then meets both sides.
                for _ in range(_LATENCY_TURNS):
                    edge.latency(seconds / 2, single.posts_per_second / 2)
    return edge


def short() -> list[Ratio]:
    """Give the two main ratios, measured for some seconds; by the processor's time, since others may want it too."""
    ratios = measure(rounds=3, seconds=1, in_full=False).core_ratios
    return [ratios["empty"], ratios["arq"]]


def main() -> None:
    """Measure in full, print, and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    wanted = parser.parse_args()
    with installed() as python:
        edge = measure(wanted.rounds, wanted.seconds, in_full=True, python=python)
    headings = (*Ratio.HEADINGS, "by its core's time", "spread")
    ratios = edge.rows()
    sides = [Found.median(rounds).row(name) for name, rounds in edge.found.items()]
    first, last = edge.memory_mib[0], edge.memory_mib[-1]
    memory = f"Memory of `web`: {first:.0f} MiB at first, {max(edge.memory_mib):.0f} at most, {last:.0f} at last."
    print_table(headings, ratios)
    print_table(HEADINGS, sides)
    Console().print(memory)
    how = (
        f"`python -m tests.bench.edge`: medians of {wanted.rounds} rounds of {wanted.seconds:g} s on {machine()}; "
        f"at half load, {_LATENCY_TURNS} turns of {wanted.seconds / 2:g} s in each."
    )
    write_results("edge", how, as_markdown(headings, ratios), as_markdown(HEADINGS, sides), memory)


if __name__ == "__main__":
    main()
