"""What one message says, for the reference model: when, who sent it, and which ids it links."""

from typing import Any

NO_IDS = {None, "", "null", "undefined", "0"}


def stamp(message: dict[str, Any]) -> tuple[str, str, str]:
    return message["timestamp"], message["messageId"], message["connection"]


def usable(value: str | None) -> str | None:
    return None if value in NO_IDS else value


def user_of(message: dict[str, Any]) -> str | None:
    return usable(message.get("userId"))


def visitor_of(message: dict[str, Any]) -> str | None:
    return usable(message.get("anonymousId"))


def sender(message: dict[str, Any]) -> str | None:
    return user_of(message) or visitor_of(message)


def is_active(message: dict[str, Any]) -> bool:
    """Tell whether the sender was there: only `false` says otherwise."""
    return message["context"].get("active") is not False


def alias_of(message: dict[str, Any]) -> tuple[str, str] | None:
    previous, user = usable(message.get("previousId")), user_of(message)
    return (previous, user) if message["type"] == "alias" and previous and user else None


def link_of(message: dict[str, Any]) -> tuple[str, str] | None:
    """Give the ends of an alias that counts."""
    return None if message.get("is_withdrawn") else alias_of(message)


def claim_of(message: dict[str, Any]) -> tuple[str, str] | None:
    """Give visitor and user of a message that has both, and counts."""
    visitor, user = visitor_of(message), user_of(message)
    return (visitor, user) if visitor and user and not message.get("is_withdrawn") else None
