"""The guard against falling back: fails where a main ratio is below half of its goal.

Run it with `python -m tests.bench.guard`; it takes a minute. Half, since the machine may be busy with other
things: what it catches is a hot path that became twice as slow, not a few per cent.
"""

import sys

from tests.bench import edge, worker_rate
from tests.bench.ratios import Ratio, print_table

BENCHMARKS = (edge.short, worker_rate.short)
"""Each measures for some seconds, starting what it needs itself, and gives its main ratios."""


def main() -> None:
    """Measure, print, and exit with 1 where a ratio is below half of its goal."""
    ratios = [ratio for measure in BENCHMARKS for ratio in measure()]
    print_table(Ratio.HEADINGS, [ratio.row() for ratio in ratios])
    if halved := [ratio.what for ratio in ratios if ratio.is_halved]:
        sys.exit(f"below half of its goal: {'; '.join(halved)}")


if __name__ == "__main__":
    main()
