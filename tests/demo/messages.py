"""The messages in a week's posts, each as a receiver would see it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from worker.demo.delivery import WEBHOOK, DemoPost
from worker.demo.traffic import DemoWeek

CALLS = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"}


@dataclass(frozen=True)
class SentMessage:
    """One message of a post: its connection, the post's path, the call that the path names, its JSON."""

    connection: str
    path: str
    path_call: str | None
    body: dict[str, Any]

    @property
    def call(self) -> object:
        """Give which call it is."""
        return self.path_call or self.body.get("type")


def sent_messages(week: DemoWeek) -> Iterator[SentMessage]:
    """Give every message of the week, as it is sent; a batch's `sentAt` is each of its messages'."""
    for post in week.posts:
        for path_call, body in _bodies(post):
            yield SentMessage(post.connection, post.path, path_call, body)


def _bodies(post: DemoPost) -> Iterator[tuple[str | None, dict[str, Any]]]:
    if isinstance(post.body, list):
        yield from ((None, message) for message in post.body)
    elif "batch" in post.body:
        sent_at = {"sentAt": post.body["sentAt"]}
        yield from ((None, sent_at | message) for message in post.body["batch"])
    elif post.path == WEBHOOK:
        yield None, post.body
    else:
        name = post.path.rpartition("/")[2]
        yield CALLS.get(name, name), post.body
