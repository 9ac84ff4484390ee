"""The waiting light: whether a connection has received anything, and what of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.store.arrivals import Arrivals
from worker.store.connections import Connection
from worker.store.database import Row

_QUIET_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Light:
    """`state` is `waiting`, `refused`, `receiving`, `quiet` or `disabled`; `text` says it in a few words."""

    state: str
    text: str


def light_of(
    connection: Connection, *, has_messages: bool, arrivals: Arrivals, last_error: Row | None, now: datetime
) -> Light:
    """Tell how a connection fares."""
    if not connection.is_enabled:
        return Light("disabled", "Disabled")
    if not has_messages:
        return Light("refused", "Refused") if last_error else Light("waiting", "Waiting")
    if arrivals.last_at is not None and arrivals.last_at < now - _QUIET_AFTER:
        return Light("quiet", "Quiet")
    return Light("receiving", "Receiving")
