"""Instants as clients write them, read tolerantly, and the time of a message.

Source: Segment's spec, "Common Fields", timestamps: `timestamp = receivedAt - (sentAt - originalTimestamp)`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from dateutil import parser as lenient_parser

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
"""A day inside what both Python and Postgres can hold, so that no time zone pushes an instant over the edge."""

FUTURE_BOUND = timedelta(days=1)

_DIGITS = {ord(digit): str(value) for zero in (0x0660, 0x06F0, 0x0966, 0xFF10) for value, digit in
           enumerate(map(chr, range(zero, zero + 10)))}  # fmt: skip
_GO_DUMP = re.compile(r"(\s[+-]\d{4})\s+(?:[A-Za-z]{3,5}|[+-]\d{2}(?:\d{2})?)(?:\s+m=.*)?$")
"""As Go's `Time.String` ends: the offset, then the zone's name, which is an offset again where the zone has none."""
_JAVASCRIPT_ZONE = re.compile(r"\b(?:GMT|UTC)([+-]\d{1,2}:?(?:\d{2})?)(?:\s*\(.*\))?$")
"""As `String(new Date())` ends: to the lenient parser `GMT+2` would be two hours behind Greenwich."""
_ZONES_HOURS = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
"""Those of RFC 2822. Other abbreviations are of several countries' zones, and count as UTC."""
_WRITTEN_EPOCH = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?", re.ASCII)
_SHORTEST_INSTANT, _LONGEST_INSTANT = 8, 80
_LONGEST_WRITTEN = 250
"""With what the patterns above take away. The worst of texts takes them the square of its length."""
_FIRST_MILLISECOND_EPOCH = 10_000_000_000


def read_instant(value: object) -> datetime | None:
    """Read an instant: ISO 8601, Unix seconds or milliseconds, and the odd forms that clients are known to send.

    An instant without a zone is UTC. Gives None for what is no instant, as a time of day is none, or lies outside the
    years 1 to 9999.
    """
    if isinstance(value, str):
        # Before ISO 8601, to which the ninth digit may stand where `T` does.
        if value[4:5].isdigit() and _WRITTEN_EPOCH.fullmatch(value):
            return _read_epoch(float(value))
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            return _read_leniently(value)
        return _in_bounds(instant)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _read_epoch(value)
    return None


def occurred_at(message: Mapping[str, Any], received_at: datetime) -> datetime:
    """Give the time of a message: its `timestamp`, else the client's clock corrected by the server's, else arrival."""
    timestamp = read_instant(message.get("timestamp"))
    if timestamp is not None:
        return timestamp
    original_at = read_instant(message.get("originalTimestamp"))
    if original_at is None:
        return received_at
    sent_at = read_instant(message.get("sentAt"))
    if sent_at is None:
        return original_at
    try:
        return _in_bounds(received_at - (sent_at - original_at)) or received_at
    except OverflowError:
        return received_at


def counted_at(occurred: datetime, received_at: datetime) -> datetime:
    """Give the time at which a message counts against others: its own, but at most a day after it was received.

    A client whose clock is a year ahead would otherwise have the last word for a year.
    """
    return min(occurred, received_at + FUTURE_BOUND) if received_at < LATEST - FUTURE_BOUND else occurred


@lru_cache(maxsize=1)  # the messages of a batch were all received at one instant
def write_instant(instant: datetime) -> str:
    """Write an instant as Segment does: UTC with milliseconds and `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _in_bounds(instant: datetime) -> datetime | None:
    try:
        utc = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError:
        return None
    return utc if EARLIEST <= utc <= LATEST else None


def _read_epoch(number: float) -> datetime | None:
    seconds = number / 1000 if abs(number) >= _FIRST_MILLISECOND_EPOCH else number
    try:
        return _in_bounds(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return None


def _read_leniently(text: str) -> datetime | None:
    if len(text) > _LONGEST_WRITTEN:
        return None
    plain = _JAVASCRIPT_ZONE.sub(r"\1", _GO_DUMP.sub(r"\1", text.strip().translate(_DIGITS)))
    if _WRITTEN_EPOCH.fullmatch(plain):
        return _read_epoch(float(plain))
    if not _SHORTEST_INSTANT <= len(plain) <= _LONGEST_INSTANT or not plain[0].isalnum():
        return None
    try:
        return _in_bounds(lenient_parser.isoparse(plain))
    except (ValueError, OverflowError):
        pass
    try:
        # What a text leaves out is the default's: where another year makes another instant, it has no date of its own.
        instant, in_other_year = (
            lenient_parser.parse(plain, default=datetime(year, 1, 1, tzinfo=UTC), tzinfos=_zone_seconds)
            for year in (1970, 1971)
        )
    except (ValueError, OverflowError, TypeError):
        return None
    return _in_bounds(instant) if instant == in_other_year else None


def _zone_seconds(name: str | None, offset_seconds: int | None) -> int:
    """Give how far a zone is ahead of UTC."""
    return 3600 * _ZONES_HOURS.get(name or "", 0) if offset_seconds is None else offset_seconds
