"""What a benchmark found, on the terminal and in its file: ratios beside their goals, and figures without one."""

import statistics
from collections.abc import Mapping, Sequence

from tests.bench.cores import machine
from tests.bench.ratios import Ratio, as_markdown, print_table, write_results

FIGURE_HEADINGS = ("figure", "median", "spread")


def report(
    name: str, what: str, ratios: Sequence[Ratio], figures: Mapping[str, Sequence[float]], *more: str
) -> None:
    """Print both tables, and write them to the benchmark's file under a line that says how to run it again.

    Behind them stands whatever more there is to write.
    """
    rows = [_figure_row(figure, rounds) for figure, rounds in figures.items() if rounds]
    print_table(Ratio.HEADINGS, [ratio.row() for ratio in ratios])
    print_table(FIGURE_HEADINGS, rows)
    tables = [as_markdown(Ratio.HEADINGS, [ratio.row() for ratio in ratios])] if ratios else []
    command = f"`python -m tests.bench.{name}`, on {machine()}"
    write_results(name, command, what, *tables, as_markdown(FIGURE_HEADINGS, rows), *more)


def _figure_row(figure: str, rounds: Sequence[float]) -> tuple[str, str, str]:
    return figure, _text(statistics.median(rounds)), f"{_text(min(rounds))}-{_text(max(rounds))}"


def _text(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
