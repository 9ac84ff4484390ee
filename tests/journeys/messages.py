"""Messages as Segment delivers them, short to write."""

import itertools
from typing import Any

_numbers = itertools.count(1)


def at(minute: int) -> str:
    """Give an instant of the test's day."""
    return f"2026-03-01T{minute // 60:02d}:{minute % 60:02d}:00.000Z"


def message(type_: str, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """Write a message with an id of its own."""
    moment = at(minute)
    return {
        "type": type_, "messageId": f"m{next(_numbers)}", "timestamp": moment, "originalTimestamp": moment,
        "sentAt": moment, "receivedAt": moment, "version": 2, "integrations": {}, "context": {},
    } | fields  # fmt: skip


def identify(minute: int = 0, **fields: Any) -> dict[str, Any]:
    """Write an Identify call."""
    return message("identify", minute, **fields)


def track(event: str, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """Write a Track call."""
    return message("track", minute, event=event, **fields)


def group(group_id: Any, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """Write a Group call."""
    return message("group", minute, groupId=group_id, **fields)


def alias(previous_id: Any, user_id: Any, minute: int = 0, **fields: Any) -> dict[str, Any]:
    """Write an Alias call."""
    return message("alias", minute, previousId=previous_id, userId=user_id, **fields)


def delete(user_id: str, minute: int) -> dict[str, Any]:
    """Write a deletion."""
    return message("delete", minute, userId=user_id)
