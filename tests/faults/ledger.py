"""The sender's own ledger, on disk: what was posted, and what became of each post as far as its sender knows."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["acknowledged", "refused", "unknown"]
"""Answered 200; answered otherwise; not answered. A post that was not acknowledged may have landed all the same."""

Key = tuple[str, str]
"""A connection's id and a messageId."""


@dataclass
class Told:
    """What the ledger knows of one workspace's messages."""

    sent: dict[Key, dict[str, Any]] = field(default_factory=dict)
    acknowledged: set[Key] = field(default_factory=set)


class Ledger:
    """Writes a line before each post and one after it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._posts = 0
        self.outcomes: dict[Outcome, int] = {"acknowledged": 0, "refused": 0, "unknown": 0}
        self.strange: list[str] = []
        """Answers that an honest sender must never get, such as a 4xx for what is our own trouble."""

    def begin(self, connection_id: str, workspace: str, messages: list[dict[str, Any]]) -> int:
        """Note that messages are about to be posted; give the post's number."""
        self._posts += 1
        self._write({"post": self._posts, "to": connection_id, "workspace": workspace, "messages": messages})
        return self._posts

    def end(self, post: int, outcome: Outcome) -> None:
        """Note what became of a post."""
        self.outcomes[outcome] += 1
        self._write({"post": post, "outcome": outcome})

    def read(self) -> dict[str, Told]:
        """Read the file: for each workspace what was sent, and what of it was acknowledged at least once."""
        workspaces: dict[str, Told] = defaultdict(Told)
        posts: dict[int, tuple[str, set[Key]]] = {}
        for line in self.path.read_text().splitlines():
            noted = json.loads(line)
            if "messages" in noted:
                told = {(noted["to"], message["messageId"]): message for message in noted["messages"]}
                workspaces[noted["workspace"]].sent.update(told)
                posts[noted["post"]] = (noted["workspace"], set(told))
            elif noted["outcome"] == "acknowledged":
                workspace, keys = posts[noted["post"]]
                workspaces[workspace].acknowledged |= keys
        return workspaces

    def _write(self, noted: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(noted) + "\n")
