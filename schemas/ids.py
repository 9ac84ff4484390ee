"""Ids as messages carry them: which strings identify somebody, and the form in which they are indexed."""

import hashlib

LONGEST_KEY = 200
"""Characters of an id that are indexed as they are; Segment's own limit for a messageId is 100."""

NO_IDS = frozenset(
    {
        "", "null", "none", "nil", "undefined", "nan", "true", "false", "anonymous", "anonymousid", "userid",
        "user_id", "unknown", "guest", "n/a", "-1", "[object object]", "{}", "[]", '""', "''", "(null)", "<null>",
    }
)  # fmt: skip
"""Constants that broken clients send in place of an id, in lower case. Each of them would glue strangers
together; Segment's identity resolution settings advise to block the same ones."""


def is_no_id(value: str | None) -> bool:
    """Tell whether this value identifies nobody: absent, blank, a broken client's constant, or zeros and dashes."""
    if value is None:
        return True
    text = value.strip()
    return text.lower() in NO_IDS or not text.strip("0-")


def index_key(text: str) -> str:
    """Give the form of a messageId or an audience's key that fits an index.

    That is itself, or its beginning and a digest where it is too long.
    """
    if len(text) <= LONGEST_KEY:
        return text
    return f"{text[:100]}~{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"
