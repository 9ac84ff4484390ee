"""A benchmark's results: ratios of two sides measured in turn, each beside its goal."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from rich.console import Console
from rich.table import Table

_RESULTS = Path(__file__).parent / "results"


@dataclass
class Ratio:
    """One ratio, once a round. Its median is to be at least `goal`, or at most where `is_at_most`."""

    HEADINGS: ClassVar = ("what", "goal", "median", "spread")

    what: str
    goal: float
    is_at_most: bool = False
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one of the rounds."""
        return statistics.median(self.rounds)

    @property
    def is_halved(self) -> bool:
        """Tell whether every round is worse than half of the goal: what else the machine does spoils single ones."""
        return min(self.rounds) > self.goal * 2 if self.is_at_most else max(self.rounds) < self.goal / 2

    def row(self) -> tuple[str, str, str, str]:
        """Give what, goal, median and spread, as text."""
        sign = "≤" if self.is_at_most else "≥"
        spread = f"{min(self.rounds):.2f}-{max(self.rounds):.2f}"
        return self.what, f"{sign} {self.goal:g}", f"{self.median:.2f}", spread


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on the terminal."""
    table = Table(*headings)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def as_markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table as Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def write_results(name: str, *paragraphs: str) -> None:
    """Write what a benchmark found, as Markdown, to where the README quotes it from."""
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{name}.md").write_text("\n\n".join(paragraphs) + "\n")
