"""Stamps: which message said something, and when. They are totally ordered, so that every tie has one answer."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Stamp(NamedTuple):
    """A message's time in microseconds since 1970, its key, and its connection's id."""

    occurred_at_microseconds: int
    message_key: str
    connection_id: str

    @classmethod
    def of(cls, occurred_at: datetime, message_key: str, connection_id: str) -> "Stamp":
        """Stamp a message whose time is given as an instant."""
        return cls(microseconds(occurred_at), message_key, connection_id)

    @property
    def occurred_at(self) -> datetime:
        """The time as an instant."""
        return _EPOCH + timedelta(microseconds=self.occurred_at_microseconds)


def microseconds(instant: datetime) -> int:
    """Give an instant as microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND
