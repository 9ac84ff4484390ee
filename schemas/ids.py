"""Ids as messages carry them: which strings identify somebody, and a messageId's key."""

import hashlib

LONGEST_MESSAGE_ID = 200
"""Characters of a messageId that are used as its key; Segment's own limit is 100."""

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


def message_key(message_id: str) -> str:
    """Give the form of a messageId that fits an index: itself, or its beginning and a digest where it is too long."""
    if len(message_id) <= LONGEST_MESSAGE_ID:
        return message_id
    return f"{message_id[:100]}~{hashlib.blake2b(message_id.encode(), digest_size=16).hexdigest()}"


def audience_key(key: str) -> str:
    """Give the form of an audience's key that fits an index, as `message_key` does."""
    return message_key(key)
