"""The rights that the README says are enough, as they stand there."""

import re

from tests.cli.command import ROOT

WEB, WORKER = "variance-web:WEB_PASSWORD", "variance-worker:WORKER_PASSWORD"

README = (ROOT / "README.md").read_text()


def block(mark: str) -> str:
    """Give the README's code after a mark."""
    found = re.search(rf"<!-- {mark} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found, f"the README has no {mark}"
    return found[1]
