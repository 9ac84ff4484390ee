"""Which messages are too old to be told from repeats of what was trimmed."""

from datetime import datetime

import orjson

from schemas.message import EVENT_TYPES
from schemas.timestamps import read_instant
from worker.fold.facts import LoggedMessage


def is_expired(message: LoggedMessage, trimmed_until: datetime) -> bool:
    """Tell whether the message is an event from before this moment: if it came before, its row may be gone."""
    return message.type in EVENT_TYPES and message.occurred_at < trimmed_until and has_own_time(message)


def has_own_time(message: LoggedMessage) -> bool:
    """Tell whether every repeat of the message has the same time: one that depends on its arrival is never trimmed."""
    return read_instant(orjson.loads(message.text).get("timestamp")) is not None
